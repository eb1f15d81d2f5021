import t from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import type { ClusterView, PodView } from '../../../agent/cluster/view.ts'
import type { PodFacts } from '../../../agent/kubernetes/api.ts'
import { labelPatches, podRoles } from '../../../agent/kubernetes/labels.ts'

const id = (ordinal: number): string => `${ordinal}`.repeat(40)
const hostname = (ordinal: number): string => `redis-cluster-${ordinal}.redis-cluster`

/** A pod of a cluster in which `masters` says of each ordinal which ordinal it replicates. */
function pod(ordinal: number, masters: readonly (number | null)[] | null): PodView {
  const text = (masters ?? [])
    .map((master, peer) => {
      const flags = `${peer === ordinal ? 'myself,' : ''}${master === null ? 'master' : 'slave'}`
      const of = master === null ? '-' : id(master)
      return `${id(peer)} 10.0.0.${peer}:6379@16379,${hostname(peer)} ${flags} ${of} 0 0 1 connected`
    })
    .join('\n')
  const [facts] = [{ nodeId: id(ordinal), nodes: parseNodes(text) }]
  return {
    pod: { ordinal, name: `redis-cluster-${ordinal}`, hostname: hostname(ordinal) },
    address: null,
    agent: { state: 'silent', because: '' },
    server: masters ? { state: 'answered', facts } : { state: 'silent', because: 'off' },
  } as unknown as PodView
}

const view = (...pods: PodView[]): ClusterView => ({ pods, dnsFailure: null, nowMs: 0 })

void t.test('role and the lowest ordinal of the shard', async t => {
  const masters = [null, null, 0, 1]
  const roles = podRoles(view(...[0, 1, 2, 3].map(ordinal => pod(ordinal, masters))))
  t.same(Object.fromEntries(roles), {
    'redis-cluster-0': { role: 'master', shard: 0 },
    'redis-cluster-1': { role: 'master', shard: 1 },
    'redis-cluster-2': { role: 'replica', shard: 0 },
    'redis-cluster-3': { role: 'replica', shard: 1 },
  })
})

void t.test('after a handover the shard keeps its name', async t => {
  const masters = [2, null, null, 1]
  const roles = podRoles(view(...[0, 1, 2, 3].map(ordinal => pod(ordinal, masters))))
  t.same(roles.get('redis-cluster-0'), { role: 'replica', shard: 0 })
  t.same(roles.get('redis-cluster-2'), { role: 'master', shard: 0 })
})

void t.test('a pod that does not answer has no role, and its shard keeps its name', async t => {
  const masters = [2, null, null, 1]
  const roles = podRoles(view(pod(0, null), ...[1, 2, 3].map(ordinal => pod(ordinal, masters))))
  t.notOk(roles.has('redis-cluster-0'))
  t.same(roles.get('redis-cluster-2'), { role: 'master', shard: 0 })
})

void t.test('a server that knows nobody has no role yet', async t => {
  t.equal(podRoles(view(pod(0, [null]))).size, 0)
})

void t.test('patches only what differs, and leaves the unknown as it is', async t => {
  const roles = new Map([
    ['redis-cluster-0', { role: 'master', shard: 0 }],
    ['redis-cluster-1', { role: 'replica', shard: 0 }],
  ] as const)
  const facts = (ordinal: number, labels: Record<string, string>): PodFacts =>
    ({ name: `redis-cluster-${ordinal}`, uid: `u${ordinal}`, labels }) as unknown as PodFacts
  const patches = labelPatches(
    [
      facts(0, {
        'redis-cluster-agent/role': 'master',
        'redis-cluster-agent/shard': '0',
        app: 'x',
      }),
      facts(1, { 'redis-cluster-agent/role': 'master', 'redis-cluster-agent/shard': '0' }),
      facts(2, { 'redis-cluster-agent/role': 'replica' }),
    ],
    roles,
  )
  t.same(patches, [
    {
      pod: { name: 'redis-cluster-1', uid: 'u1' },
      labels: { 'redis-cluster-agent/role': 'replica' },
    },
  ])
})
