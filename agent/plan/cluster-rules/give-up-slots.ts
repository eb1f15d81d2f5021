import { lostShards, type SilentShard } from '../../cluster/lost-shards.ts'
import { slotOwners, type Member } from '../../cluster/members.ts'
import { countSlots, describeSlots, subtract } from '../../cluster/slots.ts'
import type { Action } from '../action.ts'
import type { ClusterRule, Situation } from '../rule.ts'
import { isIdle } from './replicate.ts'

/**
 * Situation: of a shard no copy is left anywhere, and a person gave up its data by naming its slots.
 * Action: a replica of it that never got its data becomes its master; without one the idle pod with
 * the lowest ordinal takes the slots, else the master with the fewest. One shard a cycle. Gossip
 * tells the others, as the taker claims the slots with the highest epoch.
 * Safe to repeat: afterwards the slots have an owner and nothing is lost any more. What was accepted
 * names slots, so the next loss is not accepted with it.
 */
export const giveUpSlots: ClusterRule = situation => {
  const shard = givenUpShard(situation)
  const action = shard && givingUp(shard, situation)
  if (!shard || !action) return null
  const taker = situation.view.pods.find(({ pod }) => pod.ordinal === action.pod)
  return {
    phase: 'healing',
    because: `the data in slots ${describeSlots(shard.slots)} was given up: ${taker?.pod.name} takes them`,
    actions: [action],
  }
}

/** The first shard that is lost and whose every slot was given up. */
export function givenUpShard({
  view,
  members,
  wish,
}: Pick<Situation, 'view' | 'members' | 'wish'>): SilentShard | null {
  const accepted = wish.acceptDataLoss
  if (!accepted || view.dnsFailure !== null) return null
  const lost = lostShards(view, members, wish.goneAfterMs)
  return lost.find(({ slots }) => subtract(slots, accepted).length === 0) ?? null
}

// The group: a pod that knows nobody yet would claim slots in a table of its own.
function givingUp(shard: SilentShard, { group }: Situation): Action | null {
  const [replica] = shard.emptyReplicas
  if (replica) return { type: 'failover', pod: replica.ordinal, mode: 'takeover' }
  const taker = group.find(isIdle) ?? fewestSlots(group)
  return taker ? { type: 'take-slots', pod: taker.ordinal, ranges: shard.slots } : null
}

const fewestSlots = (group: readonly Member[]): Member | undefined =>
  [...slotOwners(group)].sort((a, b) => countSlots(a.self.slots) - countSlots(b.self.slots))[0]
