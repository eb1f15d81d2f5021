import { isBlank, knows, slotOwners, type Member } from '../../cluster/members.ts'
import { agentOf } from '../../cluster/view.ts'
import type { Action } from '../action.ts'
import type { ClusterRule } from '../rule.ts'
import { FULL_MESH_PODS, HUBS, meet } from './introduce.ts'

/**
 * Situation: a cluster stands, and a pod beside it is blank, or the cluster knows its id, or it knows
 * the cluster; it is not acquainted with all of it yet.
 * Action: MEET between it and the members (all up to 30 pods, the hubs above).
 * Safe to repeat: MEET to a node that is known changes nothing but its address. A pod that fits none
 * of the three (another cluster's node, one that owns slots and knows others) is never met: that
 * would let two clusters merge, and one of them lose its keys.
 */
export const join: ClusterRule = ({ members, group, wish }) => {
  if (slotOwners(group).length === 0) return null
  const inGroup = new Set(group)
  const newcomers = members.filter(member => !inGroup.has(member) && mayMeet(member, group))
  const forgetful = group.filter(member => lacks(member, group).length > 0)
  if (newcomers.length === 0 && forgetful.length === 0) return null
  const hosts = group.length < FULL_MESH_PODS ? group : group.slice(0, HUBS)
  const actions: Action[] = [
    ...newcomers.flatMap(newcomer => hosts.map(host => meet(host, newcomer))),
    ...forgetful.flatMap(member => lacks(member, group).map(other => meet(member, other))),
  ]
  const names = [...newcomers, ...forgetful].map(member => member.pod.pod.name)
  return {
    phase: 'joining',
    because: `a cluster of ${wish.pods} pods stands; ${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} to meet the others`,
    actions,
  }
}

/** A blank pod, named by its own agent: whoever else answers there might be anybody's. */
const mayMeet = (member: Member, group: readonly Member[]): boolean =>
  (isBlank(member) && agentOf(member.pod) !== undefined) ||
  group.some(other => knows(other, member) || knows(member, other))

/** Members that this one should know by now: it has lost its table, or has just come. */
function lacks(member: Member, group: readonly Member[]): Member[] {
  const wanted = group.length <= FULL_MESH_PODS ? group : group.slice(0, HUBS)
  return wanted.filter(
    other =>
      other !== member &&
      !knows(member, other) &&
      !member.server.nodes.some(node => node.ip === other.address && node.port === other.self.port),
  )
}
