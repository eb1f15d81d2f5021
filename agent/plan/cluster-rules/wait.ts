import { mastersFor } from '../../cluster/formation.ts'
import { claimedSlots, slotOwners, type Member } from '../../cluster/members.ts'
import { isFailed } from '../../cluster/nodes.ts'
import { countSlots, SLOT_COUNT } from '../../cluster/slots.ts'
import type { Plan } from '../action.ts'
import type { ClusterRule, Situation } from '../rule.ts'

/**
 * Situation: a person paused the cluster by its annotation.
 * Action: none. Safe: it is what was asked for; the gate and a dying pod's handover are not plans.
 */
export const paused: ClusterRule = ({ wish }) =>
  wish.paused
    ? { phase: 'paused', because: 'the annotation redis-cluster-agent/paused is true', actions: [] }
    : null

/**
 * Situation: the settings ask for what so few pods cannot be, and no cluster stands yet.
 * Action: none, with the reason: an agent that ended here would keep a scaled cluster's pod from
 * coming back. Safe: nothing exists that could suffer from waiting.
 */
export const blocked: ClusterRule = ({ wish, group }) => {
  if (slotOwners(group).length > 0) return null
  const masters = mastersFor(wish.pods, wish.replicasPerMaster, wish.masters)
  const block = (because: string): Plan => ({ phase: 'blocked', because, actions: [] })
  if (wish.masters !== null && wish.masters < 3)
    return block(`${wish.masters} masters are asked for; a cluster needs at least 3`)
  if (wish.pods < masters)
    return block(`a cluster of ${masters} masters needs ${masters} pods and there are ${wish.pods}`)
  return null
}

/**
 * Situation: no cluster stands. Pods are missing, DNS fails, or what is there forbids to create one;
 * or a formation was interrupted, and not all who took part in it answer.
 * Action: none. Safe: the cluster that may exist beyond what is seen stays as it is. A part of the
 * slots is no cluster to join: that part would get all the copies.
 */
export const waitForPods: ClusterRule = situation => {
  const { view, wish, members, group, missing } = situation
  if (slotOwners(group).length > 0 && claimedSlots(group) === SLOT_COUNT) return null
  if (view.dnsFailure !== null) return waitForDns(situation)
  const because =
    missing.length > 0
      ? `${members.length} of ${wish.pods} pods answered; missing: ${list(missing)}`
      : whyNoCluster(situation)
  return { phase: 'waiting', because, actions: [] }
}

/**
 * Situation: a cluster stands, and DNS cannot say where all pods are.
 * Action: none. Safe: what is done to the rest comes once all are seen.
 */
export const waitForDns: ClusterRule = ({ view }) =>
  view.dnsFailure === null
    ? null
    : { phase: 'waiting', because: `DNS fails: ${view.dnsFailure}`, actions: [] }

const list = (missing: Situation['missing']): string =>
  missing
    .slice(0, 5)
    .map(pod => `${pod.name} (${pod.because})`)
    .join(', ') + (missing.length > 5 ? ` and ${missing.length - 5} more` : '')

/** All servers answered and no rule could create or continue a cluster: who is in the way. */
function whyNoCluster({ members, view }: Situation): string {
  const silent = view.pods.filter(pod => pod.agent.state === 'silent')
  if (silent.length > 0)
    return `${silent.length} agents are silent: ${silent
      .slice(0, 5)
      .map(pod => `${pod.pod.name} (${pod.agent.state === 'silent' ? pod.agent.because : ''})`)
      .join(', ')}`
  const ids = new Set(members.map(member => member.server.nodeId))
  const inTheWay = members.flatMap(member => {
    const name = member.pod.pod.name
    const strangers = member.server.nodes.filter(node => !ids.has(node.id))
    if (strangers.length > 0) return [`${name} knows ${strangers.length} nodes that are not here`]
    if (member.server.keys > 0) return [`${name} has ${member.server.keys} keys`]
    if (member.self.slots.length > 0) return [`${name} owns ${countSlots(member.self.slots)} slots`]
    return []
  })
  return `no cluster is created over what is there: ${inTheWay.slice(0, 5).join('; ')}`
}

/**
 * Situation: the cluster has what it needs and not every node says so yet: links come up, a master
 * waits out its rejoin delay, replicas synchronise.
 * Action: none. Safe: time does it.
 */
export const settle: ClusterRule = ({ group, missing }) => {
  const unsettled = group.flatMap(member => complaint(member))
  const first = unsettled[0]
  if (first === undefined) return null
  return {
    phase: missing.length > 0 ? 'degraded' : 'healing',
    because: `${unsettled.length} of ${group.length} nodes are not settled: ${first}`,
    actions: [],
  }
}

/** What keeps this member from being settled, or nothing. */
function complaint(member: Member): string[] {
  const name = member.pod.pod.name
  const failed = member.server.nodes.filter(isFailed).length
  if (member.server.clusterState !== 'ok') return [`${name} says cluster_state:fail`]
  if (member.self.role === 'master' && member.self.slots.length === 0)
    return [`${name} holds no slots and copies nobody yet`]
  if (failed > 0) return [`${name} sees ${failed} failed nodes`]
  if (member.self.role === 'replica' && !member.server.replication.linkUp)
    return [`${name} is not linked to its master`]
  return []
}

/**
 * Situation: nothing is left to do.
 * Action: none. With pods missing the cluster is degraded and says which.
 */
export const ok = ({ group, missing, wish }: Situation): Plan =>
  missing.length > 0
    ? {
        phase: 'degraded',
        because: `the cluster serves without ${list(missing)}`,
        actions: [],
      }
    : {
        phase: 'ok',
        because: `${slotOwners(group).length} masters own all ${SLOT_COUNT} slots and all ${wish.pods} pods are in sync`,
        actions: [],
      }
