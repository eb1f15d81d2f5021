import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { apiErrorKind } from './api-error.ts'
import type { Api, PodFacts, StatefulSetFacts } from './api.ts'

/** What the API said last, or why it says nothing. */
export type KubernetesView =
  | {
      readonly state: 'answered'
      readonly statefulSet: StatefulSetFacts | 'gone'
      /** Empty where the StatefulSet is gone. */
      readonly pods: readonly PodFacts[]
      /** When the question was sent, on the monotonic clock. */
      readonly atMs: number
    }
  | {
      readonly state: 'away'
      readonly because: string
      /** It answers, and refuses to tell. */
      readonly refused?: boolean
    }

export type KubernetesWatch = {
  /** One round: two requests. */
  readonly poll: (signal: AbortSignal) => Promise<KubernetesView>
  /** The last round's view; `away` once it is too old to act upon. */
  readonly latest: () => KubernetesView
  /** Polls until the signal; `onChange` hears of every round. */
  readonly run: (signal: AbortSignal, onRound?: (view: KubernetesView) => void) => Promise<void>
}

/**
 * Reads StatefulSet and pods every two seconds, for the coordinator only: 60 requests a minute
 * however many pods and agents there are. A failure of either is the API being away: what it said
 * before is not used any more, so that nothing acts on stale knowledge.
 */
export function createKubernetesWatch(
  api: Pick<Api, 'readStatefulSet' | 'listPods'>,
  options: { readonly nowMs: () => number; readonly everyMs?: number; readonly staleMs?: number },
): KubernetesWatch {
  const { nowMs, everyMs = 2000, staleMs = 8000 } = options
  let last: KubernetesView = { state: 'away', because: 'the API was not asked yet' }

  async function poll(signal: AbortSignal): Promise<KubernetesView> {
    const atMs = nowMs()
    try {
      const statefulSet = await api.readStatefulSet(signal)
      const pods = statefulSet === 'gone' ? [] : await api.listPods(signal)
      last = { state: 'answered', statefulSet, pods, atMs }
    } catch (error) {
      const because = messageOf(error)
      last = { state: 'away', because, refused: apiErrorKind(error) === 'refused' }
    }
    return last
  }

  return {
    poll,
    latest: () => {
      if (last.state === 'away' || nowMs() - last.atMs <= staleMs) return last
      const seconds = Math.round((nowMs() - last.atMs) / 1000)
      return { state: 'away', because: `the API's last answer is ${seconds} s old` }
    },
    run: async (signal, onRound) => {
      while (!signal.aborted) {
        onRound?.(await poll(signal))
        await sleep(everyMs, undefined, { signal }).catch(() => {})
      }
    },
  }
}
