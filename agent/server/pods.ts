import type { NodeId } from '../cluster/node-id.ts'
import { isFailed, isHandshake, myself, type ClusterNode } from '../cluster/nodes.ts'
import { isMember, readiness } from '../cluster/readiness.ts'
import type { SlotRange } from '../cluster/slots.ts'
import { agentOf, serverOf, type PodView } from '../cluster/view.ts'
import type { AgentSnapshot } from './snapshot.ts'

/** One row of the table that `status` shows. */
export type PodSummary = {
  readonly name: string
  readonly ordinal: number
  /** Empty where no address is known. */
  readonly ip: string
  readonly port: number
  readonly httpPort: number
  /** Null where this agent cannot tell: it sees the other pods in its server's table only. */
  readonly ready: boolean | null
  readonly state: 'answered' | 'loading' | 'unusable' | 'silent'
  /** Null for a server that is no member of a cluster, or does not answer. */
  readonly role: 'master' | 'replica' | null
  /** Lowest ordinal among the pods of the shard. */
  readonly shard: number | null
  readonly nodeId: NodeId | null
  readonly slots: readonly SlotRange[]
}

/** The ports that all pods have alike. */
export type Ports = { readonly port: number; readonly httpPort: number }

type Row = PodSummary & { readonly masterId: NodeId | null }

/** Names each shard for the lowest ordinal among its pods. */
function withShards(rows: readonly Row[]): PodSummary[] {
  const lowest = new Map<NodeId, number>()
  for (const { masterId, ordinal } of rows)
    if (masterId) lowest.set(masterId, Math.min(ordinal, lowest.get(masterId) ?? ordinal))
  return rows.map(({ masterId, ...row }) => ({
    ...row,
    shard: masterId ? (lowest.get(masterId) ?? null) : null,
  }))
}

function rowOfView(pod: PodView, ports: Ports): Row {
  const facts = serverOf(pod)
  const own = facts && isMember(facts) ? myself(facts.nodes) : undefined
  const agent = agentOf(pod)
  return {
    name: pod.pod.name,
    ordinal: pod.pod.ordinal,
    ip: pod.address ?? '',
    ...ports,
    ready:
      agent !== undefined &&
      readiness({
        server: pod.server,
        terminating: agent.terminating,
        wasReady: true,
        paused: agent.paused,
      }).ready,
    state: pod.server.state,
    role: own?.role ?? null,
    shard: null,
    nodeId: facts?.nodeId ?? agent?.nodeId ?? null,
    slots: own?.slots ?? [],
    masterId: own ? (own.role === 'master' ? own.id : own.masterId) : null,
  }
}

/** Null for a node that names no pod of this StatefulSet: it announces no such hostname. */
function rowOfNode(node: ClusterNode, statefulSet: string, ports: Ports): Row | null {
  const [name = ''] = node.hostname.split('.')
  const ordinal = name.startsWith(`${statefulSet}-`) ? name.slice(statefulSet.length + 1) : ''
  if (!/^\d+$/.test(ordinal) || isHandshake(node)) return null
  return {
    name,
    ordinal: Number(ordinal),
    ip: node.ip,
    port: node.port,
    httpPort: ports.httpPort,
    ready: null,
    state: isFailed(node) ? 'silent' : 'answered',
    role: node.role,
    shard: null,
    nodeId: node.id,
    slots: node.slots,
    masterId: node.role === 'master' ? node.id : node.masterId,
  }
}

/** The pods that a server that is asked alone knows of, itself even if it knows nobody. */
function rowsOfTable({ agent, server, ready }: AgentSnapshot, ports: Ports): Row[] {
  const statefulSet = agent.pod.replace(/-\d+$/, '')
  const nodes = server.state === 'answered' && isMember(server.facts) ? server.facts.nodes : []
  const rows = nodes.flatMap(node => rowOfNode(node, statefulSet, ports) ?? [])
  // A pod that came back with a new node id has two lines until the old one is forgotten.
  const newest = new Map<number, Row>()
  for (const row of rows)
    if (!newest.has(row.ordinal) || row.state === 'answered') newest.set(row.ordinal, row)
  const own: Row = newest.get(agent.ordinal) ?? {
    name: agent.pod,
    ordinal: agent.ordinal,
    ip: '',
    ...ports,
    ready: null,
    state: server.state,
    role: null,
    shard: null,
    nodeId: agent.nodeId,
    slots: [],
    masterId: null,
  }
  newest.set(agent.ordinal, { ...own, ready: ready.ready })
  return [...newest.values()].sort((a, b) => a.ordinal - b.ordinal)
}

/**
 * The table of pods: the coordinator asked every one itself; any other agent only knows what its
 * own server believes of the others.
 */
export function summarizePods(snapshot: AgentSnapshot, ports: Ports): PodSummary[] {
  if (!snapshot.view) return withShards(rowsOfTable(snapshot, ports))
  const rows = snapshot.view.pods.map(pod => rowOfView(pod, ports))
  return withShards(
    rows.map(row =>
      row.ordinal === snapshot.agent.ordinal ? { ...row, ready: snapshot.ready.ready } : row,
    ),
  )
}
