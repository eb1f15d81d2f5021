import { lostShards, slotsOf } from './cluster/lost-shards.ts'
import { answered } from './cluster/members.ts'
import { readiness, type Readiness } from './cluster/readiness.ts'
import type { NodeId } from './cluster/node-id.ts'
import { countSlots } from './cluster/slots.ts'
import { strangers } from './cluster/strangers.ts'
import type { AgentFacts, ClusterView, PodRulesView, ServerView } from './cluster/view.ts'
import type { Config } from './config.ts'
import type { GateState } from './gate/gate.ts'
import type { Cycle } from './loop.ts'
import { describe, type Phase, type Plan } from './plan/action.ts'
import type { AgentSnapshot, ClusterProgress } from './server/snapshot.ts'

const nothingYet: Plan = { phase: 'waiting', because: 'no cycle has finished yet', actions: [] }

/** What the loops last saw and decided; the only thing in an agent that changes. */
export class AgentState {
  readonly #config: Config
  readonly #hostname: string
  readonly #gate: () => GateState
  #server: ServerView = { state: 'silent', because: 'not asked yet' }
  #podPlan: Plan = nothingYet
  #podCycleMs: number | null = null
  #clusterView: ClusterView | null = null
  #clusterPlan: Plan | null = null
  #lostSlots = 0
  #phase: { phase: Phase; sinceMs: number } | null = null
  #wasReady = false
  #nodeId: NodeId | null = null
  /** Pod name of the coordinator, as last seen. */
  coordinator: string | null = null
  isCoordinator = false
  paused = false
  apiAway = false
  terminating = false

  constructor(config: Config, gate: () => GateState) {
    this.#config = config
    this.#hostname = `${config.podName}.${config.serviceDomain}`
    this.#gate = gate
  }

  /** What this agent says about its own pod. */
  facts(): AgentFacts {
    const config = this.#config
    const gate = this.#gate()
    const server = this.#server
    return {
      pod: config.podName,
      hostname: this.#hostname,
      ordinal: config.ordinal,
      nodeId: server.state === 'answered' ? server.facts.nodeId : gate.nodeId,
      podUid: config.podUid,
      node: config.nodeName,
      zone: config.zone,
      revision: config.revision,
      terminating: this.terminating,
      paused: this.paused,
      gateOpenMs: gate.openedAtMs === null ? null : performance.now() - gate.openedAtMs,
      gateBecause: gate.because,
      ...(this.apiAway ? { apiAway: true } : {}),
      // A server that was let in writes: what lay there before it began says nothing any more.
      ...(gate.dataset === null || gate.openedAtMs !== null ? {} : { dataset: gate.dataset }),
    }
  }

  /** Milliseconds since the gate was opened for the server that runs now. */
  upMs(): number {
    const { openedAtMs } = this.#gate()
    return openedAtMs === null ? 0 : performance.now() - openedAtMs
  }

  notePodCycle({ view, plan }: Cycle<PodRulesView>): void {
    this.#podCycleMs = performance.now()
    if (view) this.#noteServer(view.own.server)
    if (plan) this.#podPlan = plan
    if (this.#readiness().ready) this.#wasReady = true
  }

  /** Readiness is earned anew by a server with another id: what it knew is gone. */
  #noteServer(server: ServerView): void {
    const before = this.#nodeId
    this.#server = server
    if (server.state !== 'answered') return
    this.#nodeId = server.facts.nodeId
    if (before !== null && before !== this.#nodeId) this.#wasReady = false
  }

  noteClusterCycle({ view, plan }: Cycle<ClusterView>): void {
    this.#clusterView = view
    this.#clusterPlan = plan
    const lost = view ? lostShards(view, answered(view), this.#config.goneAfterMs) : []
    this.#lostSlots = countSlots(slotsOf(lost))
    if (!plan) this.#phase = null
    else if (this.#phase?.phase !== plan.phase)
      this.#phase = { phase: plan.phase, sinceMs: performance.now() }
  }

  #readiness(): Readiness {
    return readiness({
      server: this.#server,
      terminating: this.terminating,
      wasReady: this.#wasReady,
      paused: this.paused,
    })
  }

  #progress(): ClusterProgress | null {
    const plan = this.#clusterPlan
    if (!plan || !this.#phase) return null
    return {
      phase: plan.phase,
      because: plan.because,
      phaseMs: performance.now() - this.#phase.sinceMs,
      plan: plan.actions.map(describe),
    }
  }

  snapshot(): AgentSnapshot {
    const server = this.#server
    return {
      agent: this.facts(),
      loopAgeMs: this.#podCycleMs === null ? null : performance.now() - this.#podCycleMs,
      coordinator: this.coordinator,
      isCoordinator: this.isCoordinator,
      cluster: this.#progress(),
      pod: { phase: this.#podPlan.phase, because: this.#podPlan.because },
      server,
      ready: this.#readiness(),
      view: this.#clusterView,
      lostSlots: this.#lostSlots,
      foreignNodes:
        server.state === 'answered'
          ? strangers(server.facts, this.#config.serviceDomain).length
          : 0,
    }
  }
}
