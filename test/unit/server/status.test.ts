import t from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import { statusOf } from '../../../agent/server/status.ts'
import type { AgentSnapshot } from '../../../agent/server/snapshot.ts'
import {
  agentFacts,
  answered,
  blank,
  factsOf,
  followerSnapshot,
  idOf,
  podView,
  silent,
  snapshotOf,
  tableOf,
} from './snapshots.ts'

const statusFor = (snapshot: AgentSnapshot) =>
  statusOf(snapshot, { port: 6379, httpPort: 9121 }, '1.2.3')

void t.test('the coordinator tells of every pod what it is', async t => {
  const { state, coordinator, pods } = statusFor(snapshotOf())
  t.equal(state, 'ok')
  t.equal(coordinator, 'redis-cluster-0')
  t.strictSame(
    pods.map(pod => [pod.name, pod.role, pod.shard, pod.ready]),
    [
      ['redis-cluster-0', 'master', 0, true],
      ['redis-cluster-1', 'master', 1, true],
      ['redis-cluster-2', 'master', 2, true],
      ['redis-cluster-3', 'replica', 0, true],
      ['redis-cluster-4', 'replica', 1, true],
      ['redis-cluster-5', 'replica', 2, true],
    ],
  )
  t.match(pods[1], {
    ordinal: 1,
    ip: '10.0.0.2',
    port: 6379,
    httpPort: 9121,
    nodeId: idOf(1),
    slots: [[5461, 10922]],
  })
})

void t.test('any other agent tells what the table of its server says of them', async t => {
  const coordinated = statusFor(snapshotOf()).pods
  const { pods, state, because } = statusFor(followerSnapshot(4))
  t.equal(state, 'ok')
  t.equal(because, 'redis-cluster-0 coordinates; the server here calls the cluster ok')
  t.strictSame(
    pods.map(pod => ({ ...pod, ready: null })),
    coordinated.map(pod => ({ ...pod, ready: null })),
  )
  t.strictSame(
    pods.map(pod => pod.ready),
    [null, null, null, null, true, null],
  )
})

void t.test('a shard whose lowest pod is the replica has the name of the replica', async t => {
  const swapped = tableOf(0)
    .replace(`myself,master - 0 0 1 connected 0-5460`, `myself,slave ${idOf(3)} 0 0 1 connected`)
    .replace(`slave ${idOf(0)} 0 0 1 connected`, 'master - 0 0 1 connected 0-5460')
  const { pods } = statusFor(
    followerSnapshot(0, { server: answered(factsOf(0, { nodes: parseNodes(swapped) })) }),
  )
  t.match(pods[0], { role: 'replica', shard: 0, slots: [] })
  t.match(pods[3], { role: 'master', shard: 0, slots: [[0, 5460]] })
})

void t.test('a pod whose server or agent is silent is shown, not left out', async t => {
  const agent = { state: 'silent', because: 'ETIMEDOUT' } as const
  const view = {
    pods: [
      podView(0, answered(factsOf(0))),
      podView(1, silent),
      { ...podView(2, answered(factsOf(2))), agent },
      podView(3, answered(blank(3))),
    ],
    dnsFailure: null,
    nowMs: 1,
  }
  const { pods } = statusFor(snapshotOf({ view }))
  t.match(pods[1], { state: 'silent', role: null, shard: null, ready: false, nodeId: idOf(1) })
  t.match(pods[2], { state: 'answered', role: 'master', shard: 2, ready: false })
  t.match(pods[3], { state: 'answered', role: null, shard: null, ready: false, slots: [] })
})

void t.test('a pod that came back with a new id is listed once, with the new one', async t => {
  const table = `${tableOf(0, { 5: 'fail' })}
${idOf(9)} 10.0.0.77:6379@16379,redis-cluster-5.redis-cluster.default.svc.cluster.local slave ${idOf(2)} 0 0 3 connected`
  const { pods } = statusFor(
    followerSnapshot(0, { server: answered(factsOf(0, { nodes: parseNodes(table) })) }),
  )
  t.equal(pods.length, 6)
  t.match(pods[5], { nodeId: idOf(9), ip: '10.0.0.77', state: 'answered' })
})

void t.test('a node that announces no pod of ours is no pod', async t => {
  const table = `${tableOf(0)}
${idOf(8)} 10.0.9.9:6379@16379,other-7.other.default.svc.cluster.local master - 0 0 9 connected
${idOf(9)} 10.0.9.8:6379@16379 master - 0 0 9 connected`
  const server = answered(factsOf(0, { nodes: parseNodes(table) }))
  t.equal(statusFor(followerSnapshot(0, { server })).pods.length, 6)
})

void t.test('a blank or silent pod shows at least itself, and says what it waits for', async t => {
  const silentStatus = statusFor(followerSnapshot(2, { server: silent, coordinator: null }))
  t.equal(silentStatus.state, 'waiting')
  t.equal(
    silentStatus.because,
    'no coordinator was found yet; the server here: ECONNREFUSED 10.0.0.1:6379',
  )
  t.match(silentStatus.pods, [{ name: 'redis-cluster-2', state: 'silent', role: null }])
  const blankStatus = statusFor(followerSnapshot(2, { server: answered(blank(2)) }))
  t.match(blankStatus.pods, [{ name: 'redis-cluster-2', role: null, slots: [] }])
  t.equal(blankStatus.state, 'waiting')
})

void t.test('a paused agent says so, also where it does not coordinate', async t => {
  const agent = agentFacts(4, { paused: true })
  t.equal(statusFor(followerSnapshot(4, { agent })).state, 'paused')
})

void t.test('the status survives JSON: no table of nodes, no set in it', async t => {
  const status = statusFor(snapshotOf())
  t.strictSame(JSON.parse(JSON.stringify(status)), status)
})
