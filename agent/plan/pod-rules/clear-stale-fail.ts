import { isFailed, myself, type ClusterNode } from '../../cluster/nodes.ts'
import { serverOf } from '../../cluster/view.ts'
import type { PodRule } from '../rule.ts'

/** On a cluster with data node-timeout is never lowered below this. */
export const LEAST_TIMEOUT_MS = 2000

/** A pong may be on its way for so long where all is well but the machine is busy. */
const BUSY_MS = 1000

/**
 * Situation: this server flags masters as failed that answer its pings: the flag of a master with
 * slots stays for twice the node-timeout after it is reachable again.
 * Action: node-timeout to 2000 ms on this server, and no failover by it meanwhile if it is a replica.
 * Safe to repeat: both settings are read from the server each time; `restoreOwn`, here or in the
 * agent's next life, puts both back as soon as no such flag is left.
 */
export const clearStaleFail: PodRule = ({ own }, wish) => {
  const server = serverOf(own)
  const self = server && myself(server.nodes)
  if (!server || !self || wish.nodeTimeoutMs <= LEAST_TIMEOUT_MS) return null
  const stale = staleFails(server.nodes)
  const isLow = server.settings.nodeTimeoutMs <= LEAST_TIMEOUT_MS
  const isGuarded = self.role === 'master' || server.settings.replicaNoFailover
  if (stale.length === 0 || (isLow && isGuarded)) return null
  return {
    phase: 'healing',
    because: `${stale.length} masters answer again and are still flagged as failed`,
    actions: [
      {
        type: 'set-config',
        pod: own.pod.ordinal,
        settings: {
          ...(self.role === 'replica' ? { 'cluster-replica-no-failover': 'yes' } : {}),
          'cluster-node-timeout': `${LEAST_TIMEOUT_MS}`,
        },
      },
    ],
  }
}

/**
 * Masters with slots that are flagged as failed although they answer. A link alone proves nothing: a
 * server that dials an address where packets are lost calls the link connected (cluster_legacy.c,
 * `clusterGenNodeDescription`: there is a link object), and a replica that was then forbidden to take
 * over would leave its shard without a master for as long as the network is cut.
 */
export function staleFails(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  // The asked server's clock, as far as its table shows it.
  const newestMs = Math.max(...nodes.map(node => node.pongReceivedMs))
  return nodes.filter(
    node =>
      isFailed(node) &&
      node.linked &&
      node.role === 'master' &&
      node.slots.length > 0 &&
      (node.pingSentMs === 0 || newestMs - node.pingSentMs < BUSY_MS),
  )
}
