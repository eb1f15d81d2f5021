import type { NodeId } from '../../cluster/node-id.ts'
import { ownNode, peersOf, type NodesConf } from '../../cluster/nodes-conf.ts'
import { isFailed, myself, type ClusterNode } from '../../cluster/nodes.ts'
import { countSlots, eachSlot, SLOT_COUNT, subtract, type SlotRange } from '../../cluster/slots.ts'
import { agentOf, serverOf, type PodView } from '../../cluster/view.ts'
import type { GateFacts } from './gate-facts.ts'

/**
 * A copy of this pod's shard. `data`: its server answers and has keys, or loads them. `coming`: its
 * dataset lies there and its gate will open. `gone`: its pod lives, with another id.
 */
export type Copy = {
  readonly hostname: string
  readonly state: 'data' | 'coming' | 'empty' | 'gone' | 'silent'
  /** Its server is a replica that can be asked to take over. */
  readonly answers: boolean
  readonly offset: number
}

/** The CLUSTER NODES tables of all servers that answered. */
export const tables = (facts: GateFacts): (readonly ClusterNode[])[] =>
  facts.peers.flatMap(peer => {
    const server = serverOf(peer)
    return server ? [server.nodes] : []
  })

/**
 * The node that a server would be on this nodes.conf; null if it cannot be kept. A replica without
 * its master's line cannot: it crashes Valkey 9.1 on the first MEET.
 */
export function keptNode(conf: NodesConf): ClusterNode | null {
  const node = ownNode(conf)
  if (!node || node.role === 'master') return node
  if (conf.state === 'damaged') return conf.salvage.master ? node : null
  if (conf.state !== 'member') return null
  return peersOf(conf).some(peer => peer.id === node.masterId) ? node : null
}

/** The address of a peer of which the agent there says that it is that pod with that node. */
export function vouched(facts: GateFacts, hostname: string, id: NodeId): string | null {
  const peer = facts.peers.find(({ pod }) => pod.hostname === hostname)
  const agent = peer && agentOf(peer)
  const same = agent?.hostname === hostname && agent.nodeId === id
  return same ? (peer?.address ?? null) : null
}

/** The server knows best; its agent may not have asked it yet. */
const idAt = (peer: PodView): NodeId | null | undefined =>
  serverOf(peer)?.nodeId ?? agentOf(peer)?.nodeId

/**
 * The pod lives, and is certainly not the node of that id. Of a server that was let in and is silent
 * the agent only knows what lay on the volume before it began; and data on a volume whose server has
 * not begun may be that node's.
 */
function isReplaced(peer: PodView, id: NodeId): boolean {
  const server = serverOf(peer)
  if (server) return server.nodeId !== id
  const agent = agentOf(peer)
  if (!agent || agent.gateOpenMs !== null || agent.dataset === 'present') return false
  return agent.nodeId === null ? agent.dataset !== undefined : agent.nodeId !== id
}

function copyAt(peer: PodView): Omit<Copy, 'hostname'> {
  const server = serverOf(peer)
  if (server)
    return {
      state: server.keys > 0 ? 'data' : 'empty',
      answers: server.replication.role === 'replica',
      offset: server.replication.offset,
    }
  const quiet = { answers: false, offset: 0 }
  if (peer.server.state === 'loading') return { state: 'data', ...quiet }
  const agent = agentOf(peer)
  if (!agent || agent.gateOpenMs !== null || agent.dataset === undefined)
    return { state: 'silent', ...quiet }
  return { state: agent.dataset === 'present' ? 'coming' : 'empty', ...quiet }
}

/** Every copy of a master's shard but the master itself, as nodes.conf and all tables name them. */
export function copiesOf(facts: GateFacts, master: NodeId): Copy[] {
  const { nodesConf } = facts
  const lists = [...tables(facts), nodesConf.state === 'member' ? peersOf(nodesConf) : []]
  const nodes = lists.flat().filter(node => node.masterId === master)
  const byId = new Map(nodes.map(node => [node.id, node] as const))
  return [...byId.values()].map((node): Copy => {
    const itself = facts.peers.find(peer => idAt(peer) === node.id)
    if (itself) return { hostname: itself.pod.hostname, ...copyAt(itself) }
    const there = facts.peers.find(peer => peer.pod.hostname === node.hostname)
    const state = there && isReplaced(there, node.id) ? 'gone' : 'silent'
    return { hostname: node.hostname, state, answers: false, offset: 0 }
  })
}

/** The best copy to take over: the one that has read most, then the first by name. */
export function bestCopy(copies: readonly Copy[]): Copy | null {
  const able = copies.filter(copy => copy.answers && copy.state === 'data')
  const better = (a: Copy, b: Copy): number =>
    b.offset - a.offset || (a.hostname < b.hostname ? -1 : 1)
  return able.sort(better)[0] ?? null
}

/**
 * Whether a server that answered gives every slot of the node to others that claimed them later. The
 * epoch counts: a pod that came back with an old table may still claim what it lost long ago.
 */
export function isTakenOver(facts: GateFacts, node: ClusterNode): boolean {
  return tables(facts).some(table => {
    const later = table.filter(
      other => other.id !== node.id && other.configEpoch > node.configEpoch && !isFailed(other),
    )
    return (
      subtract(
        node.slots,
        later.flatMap(other => other.slots),
      ).length === 0
    )
  })
}

/** Masters with slots that answered, by their own word. */
function livingOwners(facts: GateFacts): ClusterNode[] {
  return tables(facts).flatMap(table => {
    const self = myself(table)
    return self && self.role === 'master' && self.slots.length > 0 ? [self] : []
  })
}

/** Whether more than half of all masters with slots answer, so that a replica can be elected. */
export function majorityAnswers(facts: GateFacts): boolean {
  const owners = new Set(
    tables(facts).flatMap(table => table.filter(node => node.slots.length > 0).map(({ id }) => id)),
  )
  return livingOwners(facts).length * 2 > owners.size
}

/** How many slots no living master answers for. */
export function slotsWithoutOwner(facts: GateFacts): number {
  const owned: SlotRange[] = livingOwners(facts).flatMap(owner => [...owner.slots])
  return SLOT_COUNT - new Set(eachSlot(owned)).size
}

/** Whether the master that this replica copies, by its file or by any table, answers with slots. */
export function masterAnswers(facts: GateFacts, replica: ClusterNode): boolean {
  const masters = tables(facts).flatMap(
    table => table.find(({ id }) => id === replica.id)?.masterId ?? [],
  )
  const wanted = new Set([...masters, ...(replica.masterId ? [replica.masterId] : [])])
  return livingOwners(facts).some(owner => wanted.has(owner.id) && countSlots(owner.slots) > 0)
}
