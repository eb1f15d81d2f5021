import { Gauge, type Registry } from 'prom-client'
import { myself } from '../cluster/nodes.ts'
import type { ServerFacts } from '../cluster/view.ts'
import { slotsByState } from './slot-states.ts'

/**
 * The server's gauges under the names and labels of oliver006/redis_exporter, so that published
 * dashboards and alerts work: `role` says `slave` there, and labels that we do not know are left out.
 */
export function serverGauges(registry: Registry) {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `redis_${name}`, help, labelNames, registers: [registry] })
  return {
    info: gauge('instance_info', 'Information about the server', [
      'role',
      'redis_version',
      'redis_mode',
    ]),
    uptime: gauge('uptime_in_seconds', 'How long the server runs'),
    startTime: gauge('start_time_seconds', 'When the server started, seconds since 1970'),
    clusterEnabled: gauge('cluster_enabled', '1 for a server in cluster mode'),
    clusterState: gauge('cluster_state', '1 while the server calls the cluster ok'),
    slotsAssigned: gauge('cluster_slots_assigned', 'Slots that have an owner'),
    slotsOk: gauge('cluster_slots_ok', 'Slots whose owner is well'),
    slotsPfail: gauge('cluster_slots_pfail', 'Slots whose owner does not answer this server'),
    slotsFail: gauge('cluster_slots_fail', 'Slots whose owner has failed'),
    knownNodes: gauge('cluster_known_nodes', 'Nodes that the server knows, itself included'),
    size: gauge('cluster_size', 'Masters that own slots'),
    currentEpoch: gauge('cluster_current_epoch', 'Highest epoch that the server knows'),
    myEpoch: gauge('cluster_my_epoch', 'Config epoch of the server, or of its master'),
    keys: gauge('db_keys', 'Keys, by database', ['db']),
    connectedReplicas: gauge('connected_slaves', 'Replicas that are connected to the server'),
    replicaOffset: gauge('connected_slave_offset_bytes', 'Offset that a replica has got', [
      'slave_ip',
      'slave_port',
      'slave_state',
    ]),
    masterOffset: gauge('master_repl_offset', 'Offset of the server in the replication stream'),
    masterLinkUp: gauge('master_link_up', '1 while a replica is in sync with its master', [
      'master_host',
      'master_port',
    ]),
    masterSync: gauge('master_sync_in_progress', '1 while a replica copies the dataset', [
      'master_host',
      'master_port',
    ]),
  }
}

type ServerGauges = ReturnType<typeof serverGauges>

function setCluster(gauges: ServerGauges, facts: ServerFacts): void {
  const states = slotsByState(facts.nodes)
  gauges.clusterEnabled.set(1)
  gauges.clusterState.set(facts.clusterState === 'ok' ? 1 : 0)
  gauges.slotsAssigned.set(states.ok + states.pfail + states.fail)
  gauges.slotsOk.set(states.ok)
  gauges.slotsPfail.set(states.pfail)
  gauges.slotsFail.set(states.fail)
  gauges.knownNodes.set(facts.nodes.length)
  gauges.size.set(facts.nodes.filter(node => node.slots.length > 0).length)
  gauges.currentEpoch.set(facts.currentEpoch)
  gauges.myEpoch.set(myself(facts.nodes)?.configEpoch ?? 0)
}

function setReplication(gauges: ServerGauges, facts: ServerFacts): void {
  const { replication } = facts
  gauges.replicaOffset.reset()
  gauges.masterLinkUp.reset()
  gauges.masterSync.reset()
  gauges.connectedReplicas.set(replication.replicas.length)
  gauges.masterOffset.set(replication.offset)
  for (const replica of replication.replicas)
    gauges.replicaOffset.set(
      {
        slave_ip: replica.ip,
        slave_port: String(replica.port),
        slave_state: replica.online ? 'online' : 'wait_bgsave',
      },
      replica.offset,
    )
  if (replication.role === 'master') return
  const master = {
    master_host: replication.masterHost,
    master_port: String(replication.masterPort),
  }
  gauges.masterLinkUp.set(master, replication.linkUp ? 1 : 0)
  gauges.masterSync.set(master, replication.syncing ? 1 : 0)
}

/** Fills the gauges with what the server says now. */
export function setServerGauges(gauges: ServerGauges, facts: ServerFacts): void {
  gauges.info.reset()
  gauges.info.set(
    {
      role: facts.replication.role === 'replica' ? 'slave' : 'master',
      redis_version: facts.version,
      redis_mode: 'cluster',
    },
    1,
  )
  gauges.uptime.set(Math.floor(facts.uptimeMs / 1000))
  gauges.startTime.set(Math.round((Date.now() - facts.uptimeMs) / 1000))
  gauges.keys.set({ db: 'db0' }, facts.keys)
  setCluster(gauges, facts)
  setReplication(gauges, facts)
}
