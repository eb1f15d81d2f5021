import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Packages of CommonJS inside the bundle ask for `require`, which ESM does not have. */
const banner = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url)`

/** What `agent init` gives to the server container; it looks for them beside the bundle. */
const scripts = ['server.sh', 'pre-stop.sh']

/**
 * Bundles the agent for Node 20 into `outdir`: main.js, and a chunk for each thing that is loaded
 * lazily, so that an agent that does not need the Kubernetes client never pays for it.
 */
export async function bundle(outdir: string = here('dist')): Promise<void> {
  await rm(outdir, { recursive: true, force: true })
  await build({
    entryPoints: { main: here('agent/main.ts') },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    // A stack trace with names is worth more than the bytes.
    keepNames: true,
    legalComments: 'none',
    chunkNames: 'chunk-[hash]',
    banner: { js: banner },
    logLevel: 'warning',
  })
  for (const script of scripts) await copyFile(here(`image/${script}`), join(outdir, script))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { outdir: { type: 'string' } } })
  await bundle(values.outdir)
}
