import { noteAbsences } from '../cluster/absence.ts'
import { isUsedUp } from '../cluster/lost-shards.ts'
import { answered } from '../cluster/members.ts'
import type { NodeId } from '../cluster/node-id.ts'
import { describeSlots } from '../cluster/slots.ts'
import type { ClusterView, Wish } from '../cluster/view.ts'
import { answerFix } from '../fix.ts'
import type { Action, Plan } from '../plan/action.ts'
import type { Api } from './api.ts'
import type { Happening } from './happenings.ts'
import { lossHappenings, lossOf, type Loss } from './loss-happenings.ts'
import type { KubernetesView } from './poll.ts'
import { acceptDataLossAnnotation } from './wish.ts'

export type LossWatch = {
  /** Silent nodes that no process can run, by what the API said last, and since when. */
  readonly absences: (view: ClusterView, kubernetes: KubernetesView) => ReadonlyMap<NodeId, number>
  /** What was lost, taken over or given up since the last call. */
  readonly happenings: (
    view: ClusterView,
    plan: Plan,
    done: readonly Action[],
  ) => readonly Happening[]
  /** Takes a person's word away once every slot that it names has an owner: the next loss is another one. */
  readonly tidy: (
    view: ClusterView,
    wish: Wish | string,
    kubernetes: KubernetesView,
    signal: AbortSignal,
  ) => Promise<void>
  /** Says what is lost; with the person's word writes it down as the annotation that the wish reads. */
  readonly fix: (
    wish: Wish | string,
    acceptDataLoss: boolean,
    signal: AbortSignal,
  ) => Promise<string>
  /** No view of this agent counts any more: it does not coordinate. */
  readonly forget: () => void
}

/** Keeps what losses need to be known over time: since when pods are gone, and what was told. */
export function createLossWatch(
  api: Pick<Api, 'annotate'>,
  config: { readonly goneAfterMs: number; readonly serviceDomain: string },
): LossWatch {
  let absent: ReadonlyMap<NodeId, number> = new Map()
  let loss: Loss | null = null
  let newest: ClusterView | null = null
  let tidiedAtMs = -Infinity

  return {
    absences(view, kubernetes) {
      const isKnown = kubernetes.state === 'answered' && kubernetes.statefulSet !== 'gone'
      absent = noteAbsences(absent, view, isKnown ? kubernetes.pods : null)
      return absent
    },
    happenings(view, plan, done) {
      const before = loss
      newest = view
      loss = lossOf(view, config)
      return lossHappenings(before, loss, { view, plan, done })
    },
    async tidy(view, wish, kubernetes, signal) {
      const accepted = typeof wish === 'string' ? null : wish.acceptDataLoss
      if (!accepted || !isUsedUp(accepted, answered(view)) || kubernetes.state === 'away') return
      // Once for each answer of the API: what it said before the annotation went is no reason.
      if (kubernetes.atMs === tidiedAtMs) return
      tidiedAtMs = kubernetes.atMs
      await api.annotate({ [acceptDataLossAnnotation]: null }, signal)
    },
    async fix(wish, acceptDataLoss, signal) {
      const { text, accepts } = answerFix(newest, wish, acceptDataLoss)
      if (accepts)
        await api.annotate({ [acceptDataLossAnnotation]: describeSlots(accepts) }, signal)
      return text
    },
    // What was proven before this agent stopped looking is no proof any more.
    forget: () => {
      newest = null
      loss = null
      absent = new Map()
    },
  }
}
