/** Runs several test files in one process: what starts Node and tap is paid for only once. */
for (const file of process.argv.slice(2)) await import(file)
