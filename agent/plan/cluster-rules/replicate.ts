import { mastersFor } from '../../cluster/formation.ts'
import { endangeredShards, silentShards } from '../../cluster/lost-shards.ts'
import {
  hasMajority,
  knows,
  ownsSlots,
  placeOf,
  slotOwners,
  type Member,
} from '../../cluster/members.ts'
import { placeReplicas, type Place } from '../../cluster/placement.ts'
import { agentOf } from '../../cluster/view.ts'
import type { Action } from '../action.ts'
import type { ClusterRule } from '../rule.ts'

/**
 * Situation: a member of the cluster is a master without slots and without keys.
 * Action: it becomes a replica of the master with the fewest copies, on another node than the copies
 * of that shard where there is a choice, as soon as it knows that master.
 * While a replica answers whose master does not, nobody is sent: it takes over within seconds, and its
 * shard then has the fewest copies; a choice made before that leaves the shard without any.
 * Nor is anybody sent anywhere by guess: an agent that is silent (it is just started again) does not
 * say on which node its pod runs. Nobody is placed while that is unknown of a shard without a copy,
 * and in a new cluster without keys while it is unknown of anybody or anybody is missing. While an
 * owner without a copy is silent, no other shard gets more copies than it must have: one of them is
 * meant for that shard.
 * As many idle pods as a shard has stay idle for each shard that seems to have no copy left: should its
 * data be given up, they are to have its slots.
 * Safe to repeat: only a member that holds nothing is sent, so nothing can be lost by the
 * synchronisation; the choice follows from places and copies, not from memory.
 */
export const replicate: ClusterRule = ({ group, members, missing, wish, view }) => {
  const owners = slotOwners(group)
  // All that will come are placed together: the choice must not depend on who met whom first.
  const kept = endangeredShards(view, members).length * (1 + wish.replicasPerMaster)
  const idle = members.filter(isIdle).slice(kept)
  if (!hasMajority(members)) return null
  if (owners.length === 0 || idle.length === 0 || isTakeoverDue(members, owners)) return null
  const shards = owners.map((owner): Shard => ({ owner, copies: copiesOf(owner, members) }))
  const isNew = shards.every(({ owner, copies }) => copies.length + owner.server.keys === 0)
  const isAwaited = silentShards(members).some(shard => shard.copies.length === 0)
  const isWhole = missing.length === 0 && !isAwaited && idle.every(saysWhere)
  if (isNew && !isWhole) return null
  if (shards.some(({ owner, copies }) => !saysWhere(owner) && copies.length === 0)) return null
  const chosen = choose(shards, idle, isAwaited ? wish.replicasPerMaster : Infinity)
  const byOrdinal = new Map(owners.map(owner => [owner.ordinal, owner]))
  const actions = idle.flatMap((member): Action[] => {
    const master = byOrdinal.get(chosen.get(member.ordinal) ?? -1)
    if (!master || !knows(member, master)) return []
    const who = `a copy of ${master.pod.pod.name}`
    return [{ type: 'replicate', pod: member.ordinal, masterId: master.server.nodeId, who }]
  })
  if (actions.length === 0) return null
  const masters = mastersFor(wish.pods, wish.replicasPerMaster, wish.masters)
  return {
    phase: view.pods.some(pod => pod.server.state !== 'answered') ? 'joining' : 'forming',
    because: `${idle.map(member => member.pod.pod.name).join(', ')} hold no slots and ${owners.length} of ${masters} masters do: they become replicas`,
    actions,
  }
}

type Shard = { readonly owner: Member; readonly copies: readonly Place[] }

/** Which of the idle shall copy which owner, by ordinal; no shard gets more copies than `most`. */
function choose(
  shards: readonly Shard[],
  idle: readonly Member[],
  most: number,
): Map<number, number> {
  const wanting = shards.filter(({ owner, copies }) => saysWhere(owner) && copies.length < most)
  const room = wanting.reduce((sum, { copies }) => sum + most - copies.length, 0)
  return placeReplicas(
    wanting.map(({ owner, copies }) => ({ master: placeOf(owner), copies })),
    idle.filter(saysWhere).slice(0, room).map(placeOf),
  )
}

/** A master that holds nothing. */
export const isIdle = ({ self, server }: Member): boolean =>
  self.role === 'master' && !ownsSlots(self) && server.keys === 0

const saysWhere = (member: Member): boolean => agentOf(member.pod) !== undefined

/** Whether a replica answers that has no living master, and so is about to become one. */
const isTakeoverDue = (members: readonly Member[], owners: readonly Member[]): boolean =>
  members.some(
    ({ self }) =>
      self.role === 'replica' && !owners.some(({ server }) => server.nodeId === self.masterId),
  )

const copiesOf = (master: Member, members: readonly Member[]) =>
  members.filter(member => member.self.masterId === master.server.nodeId).map(placeOf)
