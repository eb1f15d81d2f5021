import { isFailed, isHandshake, type ClusterNode } from '../../cluster/nodes.ts'
import type { NodeId } from '../../cluster/node-id.ts'
import { knownPeers, type Member } from '../../cluster/members.ts'
import type { Action } from '../action.ts'
import type { ClusterRule } from '../rule.ts'

/**
 * Situation: the cluster knows a node that announced the name of one of our pods, but that pod's
 * server answers with another id and is a member itself: it lost its volume. Nobody is linked to the
 * old id, it owns no slots in any view and nobody replicates it.
 * Action: FORGET on every member that knows it, all within one cycle and so inside the 60 s ban:
 * Redis 7.0 does not gossip it.
 * Safe to repeat: the id's process cannot be alive, its pod runs another one. An id that owns slots
 * is never forgotten; its replica has to take over first. Addresses are healed before anything is
 * forgotten (an earlier rule), as FORGET bans an id for a minute.
 */
export const forget: ClusterRule = ({ group, members, missing, view }) => {
  if (group.length === 0 || missing.length > 0 || view.dnsFailure !== null) return null
  const ghosts = findGhosts(group, members)
  if (ghosts.size === 0) return null
  const actions = [...ghosts].flatMap(([id, node]) =>
    members
      .filter(member => member.server.nodes.some(known => known.id === id))
      .map((member): Action => ({
        type: 'forget',
        pod: member.ordinal,
        nodeId: id,
        who: `an earlier life of ${node.hostname}`,
      })),
  )
  const names = [...ghosts.values()].map(node => node.hostname.split('.')[0])
  return {
    phase: 'healing',
    because: `${names.join(', ')} came back with a new id and the old one owns nothing: it is forgotten`,
    actions,
  }
}

/** Ids that no process can have any more, with a line that tells whose they were. */
export function findGhosts(
  group: readonly Member[],
  members: readonly Member[],
): Map<NodeId, ClusterNode> {
  const alive = new Set(members.map(member => member.server.nodeId))
  const hostnames = new Set(group.map(member => member.pod.pod.hostname))
  const ghosts = new Map<NodeId, ClusterNode>()
  const spared = new Set<NodeId>()
  for (const member of members)
    for (const node of knownPeers(member.server)) {
      if (node.masterId) spared.add(node.masterId)
      // A link that is only dialling, to an address where nobody answers, is called connected too.
      const isHeard = node.linked && !isFailed(node)
      if (isHeard || node.slots.length > 0 || isHandshake(node)) spared.add(node.id)
      else if (!alive.has(node.id) && hostnames.has(node.hostname)) ghosts.set(node.id, node)
    }
  for (const id of spared) ghosts.delete(id)
  return ghosts
}
