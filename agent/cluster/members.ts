import { isHandshake, myself, type ClusterNode } from './nodes.ts'
import type { NodeId } from './node-id.ts'
import { countSlots, eachSlot } from './slots.ts'
import { agentOf, serverOf, type ClusterView, type PodView, type ServerFacts } from './view.ts'
import type { Place } from './placement.ts'

/** A pod whose server answered, with what it said about itself. */
export type Member = {
  readonly pod: PodView
  readonly ordinal: number
  readonly address: string
  readonly server: ServerFacts
  readonly self: ClusterNode
  /** Ids in its table, its own and those that it only shakes hands with left out. */
  readonly known: ReadonlySet<NodeId>
}

/** Every pod whose server answered, in the order of their ordinals. */
export function answered(view: ClusterView): Member[] {
  return view.pods.flatMap(pod => {
    const server = serverOf(pod)
    const self = server && myself(server.nodes)
    if (!server || !self || pod.address === null) return []
    const known = new Set(knownPeers(server).map(node => node.id))
    return [{ pod, ordinal: pod.pod.ordinal, address: pod.address, server, self, known }]
  })
}

/** Where the member runs, as its agent says. */
export function placeOf(member: Member): Place {
  const facts = agentOf(member.pod)
  return { ordinal: member.ordinal, node: facts?.node ?? '', zone: facts?.zone ?? '' }
}

/** The nodes that a server knows besides itself, those that it only shakes hands with left out. */
export const knownPeers = (server: ServerFacts): ClusterNode[] =>
  server.nodes.filter(node => !node.flags.has('myself') && !isHandshake(node))

/** Knows nobody and owns nothing: it may be introduced to any cluster, and may help to create one. */
export const isBlank = (member: Member): boolean =>
  knownPeers(member.server).length === 0 &&
  member.self.slots.length === 0 &&
  member.self.role === 'master' &&
  member.server.keys === 0

/** How many slots have an owner in the table of this server, living or not. */
export const assignedSlots = (server: ServerFacts): number =>
  countSlots(server.nodes.flatMap(node => node.slots))

/** Slots that somebody owns in the view of one of them at least. */
export function claimedSlots(members: readonly Member[]): number {
  // Tables name the same ranges again and again, and a range is long.
  const ranges = new Map(
    members.flatMap(({ server }) =>
      server.nodes.flatMap(({ slots }) => slots.map(range => [range.join('-'), range] as const)),
    ),
  )
  return new Set(eachSlot([...ranges.values()])).size
}

/** A master with slots, as one server sees it. */
export const ownsSlots = (node: ClusterNode): boolean => node.slots.length > 0

/**
 * The cluster that stands: the answered members that know each other, in one direction at least,
 * around those that own slots. Where two groups own slots the one with more slots, then with the
 * lower ordinal, is it; the other is reported and left alone: clusters are never merged.
 */
export function standingGroup(members: readonly Member[]): Member[] {
  const left = new Set(members)
  const groups: Member[][] = []
  for (const seed of members) {
    if (!left.delete(seed)) continue
    const group = [seed]
    for (const one of group)
      for (const other of left)
        if (areAcquainted(one, other)) {
          left.delete(other)
          group.push(other)
        }
    groups.push(group.sort((a, b) => a.ordinal - b.ordinal))
  }
  const weight = (group: readonly Member[]): number =>
    countSlots(group.flatMap(member => member.self.slots)) * 1000 + group.length
  return groups.reduce<Member[]>((best, group) => (weight(group) > weight(best) ? group : best), [])
}

/** Whether one of the two knows the other's id. */
export const areAcquainted = (a: Member, b: Member): boolean => knows(a, b) || knows(b, a)

/** Whether the first has the id of the second in its table, past the handshake. */
export const knows = (a: Member, b: Member): boolean => a.known.has(b.server.nodeId)

/** Whether a MEET from the first to the second is under way. */
export const isMeeting = (a: Member, b: Member): boolean =>
  a.server.nodes.some(
    node => isHandshake(node) && node.ip === b.address && node.port === b.self.port,
  )

/** Who owns slots, by the word of the owners themselves, of those that answered. */
export const slotOwners = (members: readonly Member[]): Member[] =>
  members.filter(member => member.self.role === 'master' && ownsSlots(member.self))

/** Ids of all masters with slots that any of the members knows of. */
export const knownOwners = (members: readonly Member[]): Set<NodeId> =>
  new Set(members.flatMap(member => member.server.nodes.filter(ownsSlots).map(node => node.id)))

/**
 * Whether more than half of the masters with slots answered; a view without that is a minority's,
 * and nothing is decided on it.
 */
export function hasMajority(members: readonly Member[]): boolean {
  const all = knownOwners(members)
  const here = members.filter(member => all.has(member.server.nodeId)).length
  return here * 2 > all.size
}
