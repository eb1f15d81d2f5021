import { setTimeout as sleep } from 'node:timers/promises'

/** Waits that long, or until one of the signals; leaves nothing behind on them. */
export async function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  for (const signal of signals) {
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
  }
  await sleep(ms, undefined, { signal: controller.signal }).catch(() => {})
  for (const signal of signals) signal.removeEventListener('abort', end)
}
