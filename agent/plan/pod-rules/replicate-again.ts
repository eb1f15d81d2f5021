import { myself } from '../../cluster/nodes.ts'
import { serverOf } from '../../cluster/view.ts'
import type { PodRule } from '../rule.ts'

/**
 * Situation: this server is a replica, its table has a linked address for its master, and it
 * replicates from another address.
 * Action: CLUSTER REPLICATE with the master that it has. Redis 7.0 .. 8.6 forget to re-point the
 * replication when gossip brings the new address (mechanics section 1); CLUSTER NODES looks perfect.
 * Safe to repeat: the master stays the same; on Valkey the command then does nothing.
 */
export const replicateAgain: PodRule = ({ own }) => {
  const server = serverOf(own)
  const self = server && myself(server.nodes)
  if (!server || !self || self.role !== 'replica' || self.masterId === null) return null
  const master = server.nodes.find(node => node.id === self.masterId)
  if (!master || !master.linked || master.ip === '' || master.flags.has('noaddr')) return null
  const { masterHost, masterPort, linkUp } = server.replication
  if (linkUp || (masterHost === master.ip && masterPort === master.port)) return null
  return {
    phase: 'healing',
    because: `this replica asks ${masterHost}:${masterPort} for its master's data, and the master is at ${master.ip}:${master.port}`,
    actions: [
      {
        type: 'replicate',
        pod: own.pod.ordinal,
        masterId: master.id,
        who: `its master ${master.hostname.split('.')[0]} again`,
      },
    ],
  }
}
