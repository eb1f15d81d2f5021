import { assignedSlots } from '../cluster/members.ts'
import type { Readiness } from '../cluster/readiness.ts'
import type { AgentFacts, ServerView } from '../cluster/view.ts'
import type { Phase } from '../plan/action.ts'
import { summarizePods, type PodSummary, type Ports } from './pods.ts'
import type { AgentSnapshot } from './snapshot.ts'

/** What `/status` says of the own server. Not its table: that grows with the cluster. */
export type ServerSummary =
  | {
      readonly state: 'answered'
      readonly flavor: 'redis' | 'valkey'
      readonly version: string
      readonly clusterState: 'ok' | 'fail'
      readonly knownNodes: number
      readonly assignedSlots: number
      readonly keys: number
    }
  | { readonly state: 'loading' | 'unusable' | 'silent'; readonly because: string }

/** The JSON of `/status` and of `agent status --json`. Other agents read `agent` from it. */
export type Status = {
  /** The cluster's phase. An agent that does not coordinate says what its server says. */
  readonly state: Phase
  readonly because: string
  /** Null where this agent does not coordinate. */
  readonly phaseMs: number | null
  readonly coordinator: string | null
  readonly isCoordinator: boolean
  readonly agent: AgentFacts
  readonly version: string
  readonly loopAgeMs: number | null
  readonly pod: AgentSnapshot['pod']
  readonly server: ServerSummary
  readonly ready: Readiness
  readonly plan: readonly string[]
  readonly lostSlots: number
  readonly foreignNodes: number
  readonly pods: readonly PodSummary[]
}

function summarizeServer(server: ServerView): ServerSummary {
  if (server.state !== 'answered') return server
  const { facts } = server
  return {
    state: 'answered',
    flavor: facts.flavor,
    version: facts.version,
    clusterState: facts.clusterState,
    knownNodes: facts.nodes.length,
    assignedSlots: assignedSlots(facts),
    keys: facts.keys,
  }
}

function progress(snapshot: AgentSnapshot): Pick<Status, 'state' | 'because' | 'phaseMs'> {
  const { cluster, server, coordinator, agent } = snapshot
  if (cluster) return { state: cluster.phase, because: cluster.because, phaseMs: cluster.phaseMs }
  const who = coordinator ? `${coordinator} coordinates` : 'no coordinator was found yet'
  const state = agent.paused ? 'paused' : 'waiting'
  if (server.state !== 'answered')
    return { state, because: `${who}; the server here: ${server.because}`, phaseMs: null }
  const says = `${who}; the server here calls the cluster ${server.facts.clusterState}`
  const ok = server.facts.clusterState === 'ok' && !agent.paused
  return { state: ok ? 'ok' : state, because: says, phaseMs: null }
}

/** The snapshot as people and other agents read it. */
export function statusOf(snapshot: AgentSnapshot, ports: Ports, version: string): Status {
  const { agent, loopAgeMs, coordinator, isCoordinator, pod, ready, lostSlots, foreignNodes } =
    snapshot
  return {
    ...progress(snapshot),
    coordinator,
    isCoordinator,
    agent,
    version,
    loopAgeMs,
    pod,
    server: summarizeServer(snapshot.server),
    ready,
    plan: snapshot.cluster?.plan ?? [],
    lostSlots,
    foreignNodes,
    pods: summarizePods(snapshot, ports),
  }
}
