import { ApiError, asAnswer, describeCall, toApiError, type ApiCall } from './api-error.ts'

/** Runs one call: time-boxed, with what the API asked for earlier respected. */
export type Caller = <T>(
  call: ApiCall,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
) => Promise<T>

/** However long the API asks to be left alone, it is asked again after this. */
const longestPauseMs = 30_000

/** A kept-alive connection that the other end had closed: the request was not answered at all. */
function isStaleConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return (
    ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code) ||
    /socket hang up|premature close/i.test(error.message)
  )
}

/** Milliseconds from a Retry-After in seconds; 0 where there is none. */
function retryAfterMs(error: unknown): number {
  const answer = asAnswer(error)
  if (!answer || (answer.code !== 429 && answer.code < 500)) return 0
  const seconds = Number(answer.headers['retry-after'] ?? '0')
  return seconds > 0 ? Math.min(seconds * 1000, longestPauseMs) : 0
}

/**
 * `run`, ended by the caller's signal or after `timeoutMs`, whether or not it listens to its signal.
 * Not AbortSignal.any: Node 20 keeps what it made for as long as the caller's signal lives.
 */
async function timeBox<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const box = new AbortController()
  let end: (reason: Error) => void = () => {}
  const ended = new Promise<never>((_resolve, reject) => {
    end = reason => {
      reject(reason)
      box.abort(reason)
    }
  })
  const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const onAbort = (): void => end(new Error('the call was given up'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([ended, run(box.signal)])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * A caller for one API. A 429 or 5xx with Retry-After stops every call until then, without asking.
 * A call is repeated once on a stale connection if repeating changes nothing: reads, and patches,
 * which name the wanted state.
 */
export function createCaller(options: { timeoutMs: number; nowMs: () => number }): Caller {
  const { timeoutMs, nowMs } = options
  let notBeforeMs = -Infinity
  return async (call, signal, ask) => {
    const pauseMs = notBeforeMs - nowMs()
    if (pauseMs > 0) {
      const seconds = Math.ceil(pauseMs / 1000)
      throw new ApiError(
        'away',
        429,
        `${describeCall(call)}: the API asked to wait ${seconds} s more`,
      )
    }
    const repeatable = call.verb !== 'create' && call.verb !== 'update'
    try {
      return await timeBox(timeoutMs, signal, async boxed => {
        try {
          return await ask(boxed)
        } catch (error) {
          if (!repeatable || boxed.aborted || !isStaleConnection(error)) throw error
          return ask(boxed)
        }
      })
    } catch (error) {
      const waitMs = retryAfterMs(error)
      if (waitMs > 0) notBeforeMs = nowMs() + waitMs
      throw toApiError(call, error)
    }
  }
}
