import { isFailed, myself } from '../../cluster/nodes.ts'
import { serverOf } from '../../cluster/view.ts'
import type { PodRule } from '../rule.ts'

/** On a cluster with data node-timeout is never lowered below this. */
export const LEAST_TIMEOUT_MS = 2000

/**
 * Situation: this server flags masters as failed whose links are up: the flag of a master with slots
 * stays for twice the node-timeout after it is reachable again.
 * Action: node-timeout to 2000 ms on this server, and no failover by it meanwhile if it is a replica.
 * Safe to repeat: both settings are read from the server each time; `restoreOwn`, here or in the
 * agent's next life, puts both back as soon as no such flag is left.
 */
export const clearStaleFail: PodRule = ({ own }, wish) => {
  const server = serverOf(own)
  const self = server && myself(server.nodes)
  if (!server || !self || wish.nodeTimeoutMs <= LEAST_TIMEOUT_MS) return null
  const stale = server.nodes.filter(hasStaleFail)
  const isLow = server.settings.nodeTimeoutMs <= LEAST_TIMEOUT_MS
  const isGuarded = self.role === 'master' || server.settings.replicaNoFailover
  if (stale.length === 0 || (isLow && isGuarded)) return null
  return {
    phase: 'healing',
    because: `${stale.length} masters are linked again and still flagged as failed`,
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

/** A master with slots that is flagged as failed although its link is up. */
export const hasStaleFail = (node: Parameters<typeof isFailed>[0]): boolean =>
  isFailed(node) && node.linked && node.role === 'master' && node.slots.length > 0
