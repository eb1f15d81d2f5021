import { slotOwners } from '../../cluster/members.ts'
import type { ClusterRule } from '../rule.ts'

/**
 * Situation: a member that says ok still has the node-timeout that a formation lowered.
 * Action: put it back. Every agent does the same for its own server; the coordinator is only faster.
 * Safe to repeat: the setting is read from the server each time. A member that does not say ok keeps
 * it: it may be in its rejoin delay, which is as long as the node-timeout.
 */
export const restore: ClusterRule = ({ group, wish }) => {
  if (slotOwners(group).length === 0) return null
  const lowered = group.filter(
    member =>
      member.server.settings.nodeTimeoutMs < wish.nodeTimeoutMs &&
      member.server.clusterState === 'ok' &&
      !member.server.settings.replicaNoFailover &&
      (member.self.role === 'master' || member.server.replication.linkUp) &&
      group.every(other => other.server.clusterState === 'ok'),
  )
  if (lowered.length === 0) return null
  return {
    phase: 'forming',
    because: `the cluster is ok: ${lowered.length} nodes get their node-timeout of ${wish.nodeTimeoutMs} ms back`,
    actions: lowered.map(member => ({
      type: 'set-config',
      pod: member.ordinal,
      settings: {
        'cluster-node-timeout': `${wish.nodeTimeoutMs}`,
        'repl-diskless-sync-delay': `${wish.disklessSyncDelayS}`,
      },
    })),
  }
}
