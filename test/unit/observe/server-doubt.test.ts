import t from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import type { Replication, ServerFacts } from '../../../agent/cluster/view.ts'
import { hostnamesInDoubt } from '../../../agent/observe/doubt.ts'

const domain = 'redis-cluster.default.svc.cluster.local'
const id = (digit: number) => `${digit}`.repeat(40)
const name = (ordinal: number) => `redis-cluster-${ordinal}.${domain}`

const line = (ordinal: number, flags: string, rest: { link?: string; name?: string } = {}) =>
  `${id(ordinal)} 10.0.0.${ordinal}:6379@16379,${rest.name ?? name(ordinal)} ${flags} 0 0 1 ${rest.link ?? 'connected'}`

function server(lines: string[], replication: Partial<Replication> = {}): ServerFacts {
  const nodes = parseNodes(lines.join('\n'))
  const own = nodes.find(node => node.flags.has('myself'))
  if (!own) throw new Error('no line of its own')
  return {
    nodeId: own.id,
    nodes,
    clusterState: 'ok',
    currentEpoch: 1,
    flavor: 'redis',
    version: '7.0.15',
    uptimeMs: 1000,
    keys: 0,
    replication: {
      role: own.role,
      masterHost: '10.0.0.1',
      masterPort: 6379,
      linkUp: true,
      syncing: false,
      offset: 0,
      replicas: [],
      ...replication,
    },
    settings: { nodeTimeoutMs: 5000, disklessSyncDelayS: 0, replicaNoFailover: false },
  }
}

const replicaOf1 = `myself,slave ${id(1)}`

void t.test('a healthy cluster leaves nothing to ask', t => {
  const facts = server([line(1, 'master -'), line(2, 'master -'), line(3, replicaOf1)])
  t.strictSame(hostnamesInDoubt(facts, domain), [])
  t.end()
})

void t.test('asks about nodes without a link, without an address, or failing', t => {
  const facts = server([
    line(0, 'myself,master -'),
    line(1, 'master -', { link: 'disconnected' }),
    line(2, 'master,noaddr -'),
    line(3, 'master,fail? -'),
    line(4, 'master,fail -'),
    line(5, 'master -'),
  ])
  t.strictSame(hostnamesInDoubt(facts, domain), [name(1), name(2), name(3), name(4)])
  t.end()
})

void t.test('asks about a master that the replica replicates from elsewhere, or not at all', t => {
  const lines = [line(1, 'master -'), line(2, 'master -'), line(3, replicaOf1)]
  t.strictSame(hostnamesInDoubt(server(lines, { masterHost: '10.9.9.9' }), domain), [name(1)])
  t.strictSame(hostnamesInDoubt(server(lines, { masterPort: 7000 }), domain), [name(1)])
  t.strictSame(hostnamesInDoubt(server(lines, { linkUp: false }), domain), [name(1)])
  t.end()
})

void t.test('never looks up handshakes, its own name, or names of others', t => {
  const facts = server([
    line(0, 'myself,master -'),
    line(1, 'handshake -', { link: 'disconnected' }),
    line(2, 'master,fail -', { name: 'redis-cluster-2.other.svc.cluster.local' }),
    line(3, 'master,fail -', { name: '' }),
    line(4, 'master,fail -', { name: name(0) }),
  ])
  t.strictSame(hostnamesInDoubt(facts, domain), [])
  t.end()
})

void t.test('two ids of one pod are one question', t => {
  const facts = server([
    line(0, 'myself,master -'),
    line(1, 'master,fail -'),
    line(2, 'master,noaddr -', { name: name(1), link: 'disconnected' }),
  ])
  t.strictSame(hostnamesInDoubt(facts, domain), [name(1)])
  t.end()
})
