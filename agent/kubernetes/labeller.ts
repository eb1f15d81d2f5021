import type { ClusterView } from '../cluster/view.ts'
import type { Api, Texts } from './api.ts'
import { createFreshLabels } from './fresh-labels.ts'
import { labelPatches, podRoles } from './labels.ts'
import type { KubernetesView } from './poll.ts'

export type Labeller = {
  /** Patches the labels that are not true any more. Throws what the API throws. */
  readonly label: (
    view: ClusterView,
    kubernetes: KubernetesView,
    signal: AbortSignal,
  ) => Promise<void>
}

export type LabellerOptions = {
  readonly nowMs: () => number
  readonly onChange: (pod: string, labels: Texts) => void
}

/**
 * Keeps the labels true. The coordinator looks at the cluster far more often than at the API: a call
 * that failed is not tried again before the API's next answer.
 */
export function createLabeller(
  api: Pick<Api, 'labelPod'>,
  { nowMs, onChange }: LabellerOptions,
): Labeller {
  const fresh = createFreshLabels(nowMs)
  let isBusy = false
  let failedAtMs = -Infinity

  return {
    label: async (view, kubernetes, signal) => {
      if (kubernetes.state === 'away' || isBusy || failedAtMs === kubernetes.atMs) return
      isBusy = true
      try {
        const pods = fresh.apply(kubernetes.pods, kubernetes.atMs)
        for (const { pod, labels } of labelPatches(pods, podRoles(view))) {
          await api.labelPod(pod, labels, signal)
          fresh.note(pod.uid, labels)
          onChange(pod.name, labels)
        }
      } catch (error) {
        failedAtMs = kubernetes.atMs
        throw error
      } finally {
        isBusy = false
      }
    },
  }
}
