import { isHandshake } from '../../cluster/nodes.ts'
import { assignedSlots } from '../../cluster/members.ts'
import { SLOT_COUNT } from '../../cluster/slots.ts'
import { serverOf, type ServerFacts } from '../../cluster/view.ts'
import type { PodRule } from '../rule.ts'
import { staleFails } from './clear-stale-fail.ts'

/**
 * Situation: this server has a node-timeout below the wished one, or may not take over, and what that
 * was for is over: it is ok, everybody is linked and no failed flag is stale. A replica may take over
 * again as soon as no flag is stale: its master may be the next that is lost.
 * Action: put both back. Safe to repeat: they are read from the server each time, whoever lowered
 * them and whenever. A formation that is still under way is not ok in this server's view.
 */
export const restoreOwn: PodRule = ({ own }, wish) => {
  const server = serverOf(own)
  if (!server) return null
  const { nodeTimeoutMs, replicaNoFailover } = server.settings
  if (nodeTimeoutMs >= wish.nodeTimeoutMs && !replicaNoFailover) return null
  const mayTakeOver = replicaNoFailover && staleFails(server.nodes).length === 0
  if (!mayTakeOver && !isSettled(server)) return null
  return {
    phase: 'healing',
    because: `no failed flag is stale: node-timeout goes from ${nodeTimeoutMs} back to ${wish.nodeTimeoutMs} ms`,
    actions: [
      {
        type: 'set-config',
        pod: own.pod.ordinal,
        settings: {
          'cluster-node-timeout': `${wish.nodeTimeoutMs}`,
          'cluster-replica-no-failover': 'no',
        },
      },
    ],
  }
}

/** Ok in its own view, nobody half-met, and no flag that a low node-timeout was to clear. */
const isSettled = (server: ServerFacts): boolean =>
  server.clusterState === 'ok' &&
  assignedSlots(server) === SLOT_COUNT &&
  (server.replication.role === 'master' || server.replication.linkUp) &&
  !server.nodes.some(isHandshake) &&
  staleFails(server.nodes).length === 0
