import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { apiErrorKind } from './api-error.ts'
import type { KubernetesView } from './poll.ts'

/** What was told is not told again within this time. */
const TELL_AGAIN_MS = 600_000

export type FailureLog = {
  /** A call failed. */
  readonly failed: (error: unknown) => void
  /** What a round of reading gave. */
  readonly read: (view: KubernetesView) => void
}

/** Tells people once when the API is away or refuses something, and when it answers again. */
export function createFailureLog(log: Log, nowMs: () => number): FailureLog {
  const told = new Map<string, number>()
  let state = ''

  function isNews(because: string): boolean {
    if (nowMs() - (told.get(because) ?? -Infinity) < TELL_AGAIN_MS) return false
    told.set(because, nowMs())
    return true
  }

  return {
    failed: error => {
      const because = messageOf(error)
      // That it does not answer is seen by reading; what it refuses is nowhere else to be seen.
      if (apiErrorKind(error) === 'refused' && isNews(because)) log.warn('api.refused', { because })
      else log.debug('api.refused', { because })
    },
    read: view => {
      const next = view.state === 'answered' ? 'answered' : view.refused ? 'refused' : 'away'
      if (next === state) return
      state = next
      if (view.state === 'answered') {
        told.clear()
        log.info('api.answered')
      } else log.warn(view.refused ? 'api.refused' : 'api.away', { because: view.because })
    },
  }
}
