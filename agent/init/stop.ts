import { watch } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, writeAtomically } from './file.ts'

/**
 * The agent's half of image/pre-stop.sh: calls `handOver` once for each new request in
 * RUN_DIR/stop/request and answers `<token> done` when it has ended, well or not: the server is told
 * to end anyway. Resolves when `signal` is aborted.
 */
export async function answerStops(
  runDir: string,
  handOver: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const folder = join(runDir, 'stop')
  let answered = (await readIfThere(join(folder, 'answer')))?.split(' ')[0] ?? ''
  while (!signal.aborted) {
    const token = (await readIfThere(join(folder, 'request')))?.trim() ?? ''
    if (token === '' || token === answered) {
      await change(folder, signal)
      continue
    }
    try {
      await handOver(signal)
    } finally {
      await writeAtomically(join(folder, 'answer'), `${token} done\n`)
    }
    answered = token
  }
}

/** Resolves at a change in the folder, after 1 s (a watch can miss one), or when aborted. */
function change(folder: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const watcher = watch(folder, () => end())
    const timer = setTimeout(() => end(), 1000)
    const end = (): void => {
      clearTimeout(timer)
      watcher.close()
      signal.removeEventListener('abort', end)
      resolve()
    }
    watcher.on('error', end)
    signal.addEventListener('abort', end)
  })
}
