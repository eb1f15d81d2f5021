import { describeLoss, lostShards, slotsOf, type SilentShard } from '../cluster/lost-shards.ts'
import { answered, hasMajority, knownOwners } from '../cluster/members.ts'
import { shortId } from '../cluster/node-id.ts'
import type { ClusterNode } from '../cluster/nodes.ts'
import { describeSlots, subtract } from '../cluster/slots.ts'
import { foreignNodes } from '../cluster/strangers.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { Action, Plan } from '../plan/action.ts'
import type { Happening } from './happenings.ts'

/** What a cluster has lost, and whom it knows by mistake, as one view shows it. */
export type Loss = {
  readonly hasMajority: boolean
  readonly shards: readonly SilentShard[]
  readonly strangers: readonly ClusterNode[]
}

/** What is lost in a view. A view without DNS shows nobody, and so no loss. */
export function lossOf(
  view: ClusterView,
  config: { readonly goneAfterMs: number; readonly serviceDomain: string },
): Loss {
  const members = answered(view)
  const isBlind = view.dnsFailure !== null
  return {
    hasMajority: isBlind || knownOwners(members).size === 0 || hasMajority(members),
    shards: isBlind ? [] : lostShards(view, members, config.goneAfterMs),
    strangers: foreignNodes(view, config.serviceDomain),
  }
}

/** What was lost, taken over or given up between two views of one coordinator. */
export function lossHappenings(
  before: Loss | null,
  now: Loss,
  {
    view,
    plan,
    done,
  }: { readonly view: ClusterView; readonly plan: Plan; readonly done: readonly Action[] },
): Happening[] {
  const found: Happening[] = []
  if (before?.hasMajority && !now.hasMajority)
    found.push({ reason: 'MajorityLost', message: plan.because })
  if (subtract(slotsOf(now.shards), slotsOf(before?.shards ?? [])).length > 0)
    found.push({ reason: 'ShardLost', message: `no copy is left of ${describeLoss(now.shards)}` })
  for (const action of done) {
    const name = view.pods.find(({ pod }) => pod.ordinal === action.pod)?.pod.name
    if (action.type === 'take-slots')
      found.push({
        reason: 'DataLossAccepted',
        message: `${name} takes slots ${describeSlots(action.ranges)} without their data, as was asked for`,
      })
    if (action.type === 'failover' && action.mode !== 'agreed')
      found.push({ reason: 'TakenOver', message: plan.because })
  }
  const known = new Set(before?.strangers.map(({ id }) => id))
  for (const { id, hostname, ip } of now.strangers)
    if (!known.has(id))
      found.push({
        reason: 'ForeignNode',
        message: `node ${shortId(id)} (${hostname || ip}) is none of our pods; it is left alone`,
      })
  return found
}
