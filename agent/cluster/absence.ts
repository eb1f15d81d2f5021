import { answered, knownOwners, knownPeers, type Member } from './members.ts'
import type { NodeId } from './node-id.ts'
import type { ClusterNode } from './nodes.ts'
import { agentOf, type AgentFacts, type ClusterView } from './view.ts'

/** What the Kubernetes API says of a pod, as far as it tells whether a process can run there. */
export type PodPresence = {
  readonly name: string
  readonly uid: string
  readonly phase: string
  /** Empty while it has none: then nothing of it runs yet. */
  readonly ip: string
}

/**
 * BACKGROUND: silence proves nothing: a node that a partition hides still serves its side. Only the
 * API knows that a pod is no more, and a force delete is a person's word that its process is dead.
 *
 * BEHAVIOR: the ids of silent nodes of which it is proven at this moment that no process can run
 * them, each with the time since when that holds. Proof is that the API names no pod for the node, or
 * one that ended, or one that has not begun; or that the pod which the API names now has another id
 * or an empty volume, by its own agent's word; and that no server that answered hears the node. An id
 * that loses its proof for one observation begins anew; without the API's answer nothing is proven.
 */
export function noteAbsences(
  before: ReadonlyMap<NodeId, number>,
  view: ClusterView,
  pods: readonly PodPresence[] | null,
): Map<NodeId, number> {
  const absent = new Map<NodeId, number>()
  if (!pods) return absent
  const members = answered(view)
  const agents = view.pods.flatMap(pod => agentOf(pod) ?? [])
  const alive = new Set([
    ...members.map(member => member.server.nodeId),
    ...agents.map(agent => agent.nodeId),
  ])
  const lines = members.flatMap(member => knownPeers(member.server))
  const heard = new Set(lines.filter(isHeard).map(({ id }) => id))
  for (const node of lines) {
    if (absent.has(node.id) || alive.has(node.id) || heard.has(node.id)) continue
    const pod = pods.find(({ name }) => name === nameOf(node, view))
    const agent = agents.find(({ hostname }) => hostname === node.hostname)
    const runs = members.some(member => member.pod.pod.hostname === node.hostname)
    if (nameOf(node, view) !== null && cannotRun(node.id, pod, agent, runs))
      absent.set(node.id, before.get(node.id) ?? view.nowMs)
  }
  return absent
}

/** Whether the server with this line had an answer of the node within its node-timeout. */
const isHeard = ({ flags }: ClusterNode): boolean =>
  !flags.has('fail') && !flags.has('fail?') && !flags.has('noaddr')

/** The name of the pod that announced the node's hostname; null if it is none of our StatefulSet's. */
function nameOf(node: ClusterNode, view: ClusterView): string | null {
  const own = view.pods[0]?.pod
  if (!own) return null
  const domain = own.hostname.slice(own.name.length)
  const set = own.name.slice(0, own.name.lastIndexOf('-'))
  const name = node.hostname.slice(0, -domain.length)
  return node.hostname.endsWith(domain) &&
    name.startsWith(`${set}-`) &&
    /^\d+$/.test(name.slice(set.length + 1))
    ? name
    : null
}

function cannotRun(
  id: NodeId,
  pod: PodPresence | undefined,
  agent: AgentFacts | undefined,
  serverAnswers: boolean,
): boolean {
  if (agent) {
    // An agent that the API does not name yet, or not any more: one of the two is out of date.
    if (pod?.uid !== agent.podUid) return false
    // Of a server that runs and is silent the agent only knows what lay on the volume before it began.
    if (agent.gateOpenMs !== null && !serverAnswers) return false
    return agent.nodeId === null
      ? agent.dataset === 'none' || agent.dataset === 'empty'
      : agent.nodeId !== id
  }
  if (!pod) return true
  return (
    pod.phase === 'Failed' ||
    pod.phase === 'Succeeded' ||
    (pod.phase === 'Pending' && pod.ip === '')
  )
}

/** Whether the node is proven absent, without a break, for so long. */
export function isGone(view: ClusterView, id: NodeId, goneAfterMs: number): boolean {
  const since = view.absent?.get(id)
  return since !== undefined && view.nowMs - since >= goneAfterMs
}

/**
 * Whether the masters with slots that may still live somewhere, seen or unseen, are too few for a
 * vote. Silent ones count as living: beyond a partition they might vote already.
 */
export function majorityIsGone(
  members: readonly Member[],
  view: ClusterView,
  goneAfterMs: number,
): boolean {
  const owners = knownOwners(members)
  const left = [...owners].filter(id => !isGone(view, id, goneAfterMs))
  return owners.size > 0 && left.length * 2 <= owners.size
}
