import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  countKeys,
  parseInfo,
  parseReplication,
  parseServerVersion,
} from '../../../agent/cluster/info.ts'
import { myself, parseNodes } from '../../../agent/cluster/nodes.ts'

type Recorded = Record<
  'info' | 'clusterInfo' | 'nodes' | 'replicaInfo' | 'nodesWithFailure',
  string[]
>

// Two masters, the replica of the first, a MEET to nobody; slots 93 and 9000 open; then a master killed.
const recorded = (name: string): Recorded =>
  JSON.parse(readFileSync(new URL(`../redis/recorded/${name}.json`, import.meta.url), 'utf8'))

const servers = {
  redis7: { flavor: 'redis', version: '7.0.15', keys: 6 },
  redis8: { flavor: 'redis', version: '8.0.2', keys: 6 },
  'redis-next': { flavor: 'redis', version: '8.6.3', keys: 6 },
  valkey8: { flavor: 'valkey', version: '8.1.1', keys: 6 },
  // The only one with several databases in cluster mode: 6 keys in the first, 2 in the second.
  valkey9: { flavor: 'valkey', version: '9.1.2', keys: 8 },
} as const

for (const [name, expected] of Object.entries(servers)) {
  void t.test(`reads what ${name} replied`, t => {
    const reply = recorded(name)
    const info = parseInfo(reply.info.join('\r\n'))
    const { flavor, version, keys } = expected
    t.strictSame(parseServerVersion(info), { flavor, version })
    t.equal(countKeys(info), keys)
    const master = parseReplication(info)
    t.match(master, { role: 'master', masterHost: '', linkUp: false, syncing: false })
    t.equal(master.replicas.length, 1)
    t.match(master.replicas[0], { port: 6379, online: true })
    t.ok((master.replicas[0]?.offset ?? 0) > 0)

    const replica = parseReplication(parseInfo(reply.replicaInfo.join('\r\n')))
    t.match(replica, { role: 'replica', masterPort: 6379, linkUp: true, syncing: false })
    t.match(replica.masterHost, /^127\.9\.\d+\.1$/)
    t.ok(replica.offset > 0)
    t.strictSame(replica.replicas, [])

    const nodes = parseNodes(reply.nodes.join('\n'))
    const own = myself(nodes)
    const other = nodes.find(node => node.ip.endsWith('.2'))
    t.equal(nodes.length, 4)
    t.equal(own?.hostname, 'redis-cluster-0.redis-cluster.default.svc.cluster.local')
    t.strictSame(own?.slots, [[0, 8191]])
    t.strictSame(own?.migrating, [{ slot: 93, peer: other?.id }])
    t.strictSame(own?.importing, [{ slot: 9000, peer: other?.id }])
    t.equal(nodes.find(node => node.role === 'replica')?.masterId, own?.id)
    t.equal(nodes.filter(node => node.flags.has('handshake')).length, 1)
    t.equal(parseInfo(reply.clusterInfo.join('\r\n')).get('cluster_state'), 'ok')

    const failing = parseNodes(reply.nodesWithFailure.join('\n')).find(node => !node.linked)
    t.equal(failing?.id, other?.id)
    t.ok(failing?.flags.has('fail?') || failing?.flags.has('fail'))
    t.end()
  })
}

void t.test('a value may hold colons, and a number that is missing counts as 0', t => {
  const info = parseInfo('# Replication\r\nrole:slave\r\nmaster_host:fd00::1\r\n\r\n')
  t.equal(parseReplication(info).masterHost, 'fd00::1')
  t.equal(parseReplication(info).offset, 0)
  t.equal(countKeys(info), 0)
  t.end()
})
