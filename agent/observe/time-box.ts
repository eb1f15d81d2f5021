/**
 * Work that is given up after a time, or with the signal. Not AbortSignal.any: on Node 20 every
 * signal that it makes stays with a source that lives as long as the agent (nodejs/node#54614).
 */
export async function withinMs<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const box = new AbortController()
  const giveUp = (): void => box.abort(signal.reason)
  signal.addEventListener('abort', giveUp, { once: true })
  const timer = setTimeout(() => box.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
  try {
    return await work(box.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
  }
}
