import { answered, standingGroup } from '../cluster/members.ts'
import type { ClusterView, PodRulesView, Wish } from '../cluster/view.ts'
import type { Plan } from './action.ts'
import { forget } from './cluster-rules/forget.ts'
import { form } from './cluster-rules/form.ts'
import { giveUpSlots } from './cluster-rules/give-up-slots.ts'
import { join } from './cluster-rules/join.ts'
import { replicate } from './cluster-rules/replicate.ts'
import { reportLoss, reportMinority } from './cluster-rules/report-loss.ts'
import { restore } from './cluster-rules/restore.ts'
import { takeOver } from './cluster-rules/take-over.ts'
import { blocked, ok, paused, settle, waitForDns, waitForPods } from './cluster-rules/wait.ts'
import { clearStaleFail } from './pod-rules/clear-stale-fail.ts'
import { meetMoved } from './pod-rules/meet-moved.ts'
import { replicateAgain } from './pod-rules/replicate-again.ts'
import { restoreOwn } from './pod-rules/restore-own.ts'
import type { ClusterRule, PodRule, Situation } from './rule.ts'

/** What the coordinator does for all; the first rule that wants something wins. */
const clusterRules: readonly ClusterRule[] = [
  paused,
  blocked,
  // `form` before `replicate` and `join`: with slots that nobody owns there is no cluster to join.
  form,
  // `takeOver` before `waitForPods`: where every master is gone no owner of slots answers any more;
  // and before `replicate`: a shard that is about to get a master wants copies only then.
  takeOver,
  // `giveUpSlots` before `replicate`: the idle pod that takes the slots must be idle still.
  giveUpSlots,
  // `waitForPods` before all else that is done to a cluster: a part of one is none.
  waitForPods,
  // `replicate` before `join`: who knows its master may start to synchronise while others still meet.
  replicate,
  join,
  reportLoss,
  waitForDns,
  // `reportMinority` before all that a minority may not do.
  reportMinority,
  // `restore` before `settle`: a lowered node-timeout is put back as soon as its node says ok.
  restore,
  // `forget` after `join`: FORGET bans an id for a minute, so addresses are healed first.
  forget,
  settle,
]

/** What every agent does for its own pod. */
const podRules: readonly PodRule[] = [
  // Addresses first: a replica's link and FAIL flags often heal by that alone.
  meetMoved,
  replicateAgain,
  clearStaleFail,
  restoreOwn,
]

/** What follows from a view, worked out once for all rules. */
export function situationOf(view: ClusterView, wish: Wish): Situation {
  const members = answered(view)
  const missing = view.pods
    .filter(pod => pod.pod.ordinal < wish.pods && pod.server.state !== 'answered')
    .map(pod => ({
      name: pod.pod.name,
      because: pod.server.state === 'answered' ? '' : pod.server.because,
    }))
  return { view, wish, members, group: standingGroup(members), missing }
}

/** What the coordinator does next. Pure: the same view and wish give the same plan. */
export function planCluster(view: ClusterView, wish: Wish): Plan {
  const situation = situationOf(view, wish)
  for (const rule of clusterRules) {
    const plan = rule(situation)
    if (plan) return plan
  }
  return ok(situation)
}

/** What an agent does next for its own pod. */
export function planPod(view: PodRulesView, wish: Wish): Plan {
  if (wish.paused) return { phase: 'paused', because: 'the cluster is paused', actions: [] }
  const { server } = view.own
  if (server.state !== 'answered')
    return { phase: 'waiting', because: `the server: ${server.because}`, actions: [] }
  for (const rule of podRules) {
    const plan = rule(view, wish)
    if (plan) return plan
  }
  return { phase: 'ok', because: 'this pod needs nothing', actions: [] }
}
