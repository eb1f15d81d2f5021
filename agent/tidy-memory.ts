import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 60_000

/**
 * Collects garbage once a minute where node was started with --expose-gc, as the image does: at rest
 * V8 lets some 4 MB of anonymous memory pile up before it sees a reason to, and a Pi has several
 * agents. A collection of so small a heap takes a few milliseconds.
 */
export async function tidyMemory(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
    globalThis.gc?.()
  }
}
