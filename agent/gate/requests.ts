import { watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readIfThere, writeAtomically } from '../init/file.ts'

/** A watch can miss a change; so often the request is read anyway. */
const FALLBACK_MS = 1000

/**
 * The files by which image/server.sh and the agent talk: `request` holds `<token> - <starts>`,
 * `answer` gets `<token> open`. A token is new for each start; both files outlive a container.
 */
export type Requests = {
  /** The token of the last request, and whether it was answered; null before the first. */
  readonly read: () => Promise<{ readonly token: string; readonly answered: boolean } | null>
  readonly answer: (token: string) => Promise<void>
  /** Resolves at a change, after a second, or when aborted. */
  readonly change: () => Promise<void>
}

const firstWord = (text: string | null): string => text?.trim().split(/\s+/)[0] ?? ''

/** The requests in RUN_DIR/gate, which is made if it is missing; watched until aborted. */
export async function openRequests(runDir: string, signal: AbortSignal): Promise<Requests> {
  const folder = join(runDir, 'gate')
  await mkdir(folder, { recursive: true })
  // Watched from the first moment on: a change between a look and the wait for the next is not lost.
  let changed = false
  let wake = new AbortController()
  const watcher = watch(folder, { signal }, () => {
    changed = true
    wake.abort()
  })
  watcher.on('error', () => watcher.close())
  // Once, and not AbortSignal.any at each wait: on Node 20 that lives as long as the signal.
  signal.addEventListener('abort', () => wake.abort(), { once: true })
  return {
    read: async () => {
      const token = firstWord(await readIfThere(join(folder, 'request')))
      if (token === '') return null
      const answer = firstWord(await readIfThere(join(folder, 'answer')))
      return { token, answered: answer === token }
    },
    answer: token => writeAtomically(join(folder, 'answer'), `${token} open\n`),
    change: async () => {
      wake = new AbortController()
      if (!changed && !signal.aborted)
        await sleep(FALLBACK_MS, undefined, { signal: wake.signal }).catch(() => undefined)
      changed = false
    },
  }
}
