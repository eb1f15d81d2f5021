import { Gauge, type Registry } from 'prom-client'
import { isFailed, isHandshake, myself } from '../cluster/nodes.ts'
import type { Phase } from '../plan/action.ts'
import { slotsByState } from './slot-states.ts'
import type { AgentSnapshot } from './snapshot.ts'

// A record, so that the compiler misses no phase.
const phases: Readonly<Record<Phase, true>> = {
  ok: true,
  waiting: true,
  blocked: true,
  paused: true,
  forming: true,
  joining: true,
  healing: true,
  degraded: true,
}

/** Every gauge of the agent; `redis_up` is here because it must outlive the server. */
export function agentGauges(registry: Registry) {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const own = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    gauge(`redis_cluster_agent_${name}`, help, labelNames)
  return {
    up: gauge('redis_up', '1 while the server of this pod answers'),
    memory: gauge('process_resident_memory_bytes', 'Resident memory of the agent'),
    info: own('info', 'Version of the agent', ['version']),
    role: own('role', 'Role of the server of this pod', ['role']),
    ready: own('ready', '1 while this pod is ready for clients'),
    coordinator: own('coordinator', '1 while this agent coordinates the cluster'),
    phase: own('phase', '1 for what the cluster is busy with; the coordinator says', ['phase']),
    phaseSeconds: own('phase_seconds', 'How long that phase has lasted', ['phase']),
    slots: own('slots', 'Slots in the table of the server of this pod, by state', ['state']),
    knownNodes: own('known_nodes', 'Nodes that the server of this pod knows, itself included'),
    failedNodes: own('failed_nodes', 'Nodes that the server of this pod takes for failed'),
    foreignNodes: own('foreign_nodes', 'Nodes that belong to none of our pods'),
    lostSlots: own('lost_slots', 'Slots whose every copy is gone'),
    paused: own('paused', '1 while a person paused the plans'),
    gateOpen: own('gate_open', '1 while the server of this pod may start'),
    loopAge: own('loop_age_seconds', 'Time since the last finished cycle; -1 before the first'),
  }
}

type AgentGauges = ReturnType<typeof agentGauges>

function setClusterGauges(gauges: AgentGauges, { cluster, server }: AgentSnapshot): void {
  gauges.phase.reset()
  gauges.phaseSeconds.reset()
  gauges.slots.reset()
  gauges.role.reset()
  if (cluster) {
    for (const phase of Object.keys(phases))
      gauges.phase.set({ phase }, phase === cluster.phase ? 1 : 0)
    gauges.phaseSeconds.set({ phase: cluster.phase }, cluster.phaseMs / 1000)
  }
  const nodes = server.state === 'answered' ? server.facts.nodes : []
  gauges.knownNodes.set(nodes.filter(node => !isHandshake(node)).length)
  gauges.failedNodes.set(nodes.filter(isFailed).length)
  const own = myself(nodes)
  if (!own) return
  gauges.role.set({ role: own.role }, 1)
  for (const [state, count] of Object.entries(slotsByState(nodes)))
    gauges.slots.set({ state }, count)
}

/** Fills the gauges with what is true now. */
export function setAgentGauges(
  gauges: AgentGauges,
  snapshot: AgentSnapshot,
  version: string,
): void {
  const { agent, loopAgeMs } = snapshot
  gauges.up.set(snapshot.server.state === 'answered' ? 1 : 0)
  gauges.memory.set(process.memoryUsage.rss())
  gauges.info.set({ version }, 1)
  gauges.ready.set(snapshot.ready.ready ? 1 : 0)
  gauges.coordinator.set(snapshot.isCoordinator ? 1 : 0)
  gauges.foreignNodes.set(snapshot.foreignNodes)
  gauges.lostSlots.set(snapshot.lostSlots)
  gauges.paused.set(agent.paused ? 1 : 0)
  gauges.gateOpen.set(agent.gateOpenMs === null ? 0 : 1)
  gauges.loopAge.set(loopAgeMs === null ? -1 : loopAgeMs / 1000)
  setClusterGauges(gauges, snapshot)
}
