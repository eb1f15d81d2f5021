import { isGone } from './absence.ts'
import { knownOwners, knownPeers, slotOwners, type Member } from './members.ts'
import type { NodeId } from './node-id.ts'
import type { ClusterNode } from './nodes.ts'
import { describeSlots, subtract, union, type SlotRange } from './slots.ts'
import type { ClusterView } from './view.ts'

/** Slots whose owner did not answer. */
export type SilentShard = {
  readonly id: NodeId
  /** As the owner announced it. */
  readonly hostname: string
  readonly slots: readonly SlotRange[]
  /** Replicas that answered and hold something, the one that has read most first. */
  readonly copies: readonly Member[]
  /** Replicas that answered and never got anything: they are no copies. */
  readonly emptyReplicas: readonly Member[]
}

/** Every shard whose owner did not answer, by its first slot. What an answered master claims is left out. */
export function silentShards(members: readonly Member[]): SilentShard[] {
  const answering = new Set(members.map(member => member.server.nodeId))
  const silent = [...knownOwners(members)].filter(id => !answering.has(id))
  if (silent.length === 0) return []
  const claimed = slotOwners(members).flatMap(owner => owner.self.slots)
  const shards = silent.flatMap((id): SilentShard[] => {
    const lines = linesOf(members, id)
    const named = union(lines.flatMap(line => line.slots))
    const slots = subtract(named, claimed)
    if (slots.length === 0) return []
    const replicas = members.filter(({ self }) => self.role === 'replica' && self.masterId === id)
    return [
      {
        id,
        hostname: lines.find(({ hostname }) => hostname !== '')?.hostname ?? '',
        slots,
        copies: replicas.filter(holdsSomething).sort(byProgress),
        emptyReplicas: replicas.filter(replica => !holdsSomething(replica)),
      },
    ]
  })
  return shards.sort((a, b) => (a.slots[0]?.[0] ?? 0) - (b.slots[0]?.[0] ?? 0))
}

const linesOf = (members: readonly Member[], id: NodeId): ClusterNode[] =>
  members.flatMap(member => knownPeers(member.server).filter(node => node.id === id))

/** An offset comes with the first synchronisation, and is lost by a restart from an append-only file. */
const holdsSomething = ({ server }: Member): boolean =>
  server.keys > 0 || server.replication.offset > 0

const byProgress = (a: Member, b: Member): number =>
  Number(b.server.keys > 0) - Number(a.server.keys > 0) ||
  b.server.replication.offset - a.server.replication.offset ||
  a.ordinal - b.ordinal

/** Whether the pod of that name answers with another id: it lost its volume. */
const isReplaced = (members: readonly Member[], { hostname, id }: SilentShard | ClusterNode) =>
  members.some(member => member.pod.pod.hostname === hostname && member.server.nodeId !== id)

/** Silent shards without a copy here, whose owner may never come back; how long that lasts does not count. */
export const endangeredShards = (view: ClusterView, members: readonly Member[]): SilentShard[] =>
  silentShards(members).filter(
    shard =>
      shard.copies.length === 0 &&
      (isReplaced(members, shard) || view.absent?.has(shard.id) === true),
  )

/**
 * Shards of which no copy is left: the owner's pod has another id by now, or is gone by the API's
 * proof; nobody who answered holds a copy, and nobody who is silent may hold one.
 */
export function lostShards(
  view: ClusterView,
  members: readonly Member[],
  goneAfterMs: number,
): SilentShard[] {
  const endangered = endangeredShards(view, members)
  if (endangered.length === 0) return []
  const answering = new Set(members.map(member => member.server.nodeId))
  const domain = view.pods[0]?.pod.hostname.replace(/^[^.]*/, '') ?? ''
  const isOut = (node: SilentShard | ClusterNode): boolean =>
    isReplaced(members, node) || isGone(view, node.id, goneAfterMs)
  const silent = members
    .flatMap(member => knownPeers(member.server))
    .filter(node => !answering.has(node.id) && node.hostname.endsWith(domain) && !isOut(node))
  return endangered.filter(shard => isOut(shard) && !silent.some(node => mayHold(node, shard)))
}

/** A replica of it, or a master without slots: that may be an owner of before the last failover. */
const mayHold = (node: ClusterNode, shard: SilentShard): boolean =>
  node.masterId === shard.id ||
  (node.id !== shard.id && node.role === 'master' && node.slots.length === 0)

/** All slots of the shards. */
export const slotsOf = (shards: readonly SilentShard[]): SlotRange[] =>
  union(shards.flatMap(shard => shard.slots))

/** Whether every slot that was given up has an owner that answers, so that the word is used up. */
export const isUsedUp = (accepted: readonly SlotRange[], members: readonly Member[]): boolean =>
  subtract(
    accepted,
    slotOwners(members).flatMap(owner => owner.self.slots),
  ).length === 0

/** What is lost, as a person reads it. */
export const describeLoss = (shards: readonly SilentShard[]): string =>
  shards
    .map(
      ({ slots, hostname }) =>
        `slots ${describeSlots(slots)} of ${hostname.split('.')[0] || 'an unknown pod'}`,
    )
    .join(', ')
