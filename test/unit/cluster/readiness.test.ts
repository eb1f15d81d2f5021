import t from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import { readiness } from '../../../agent/cluster/readiness.ts'
import type { ServerView } from '../../../agent/cluster/view.ts'
import { answered, blank, factsOf, idOf, silent, tableOf } from '../server/snapshots.ts'

const judge = (
  server: ServerView,
  change: { terminating?: boolean; wasReady?: boolean; paused?: boolean } = {},
) => readiness({ server, terminating: false, wasReady: false, paused: false, ...change })

const bad = (result: ReturnType<typeof readiness>): string[] =>
  result.checks.filter(check => !check.ok).map(check => check.name)

void t.test('a master and a replica of a whole cluster are ready', async t => {
  const master = judge(answered(factsOf(0)))
  t.equal(master.ready, true)
  t.equal(master.because, 'the server answers and is a master')
  const replica = judge(answered(factsOf(3)))
  t.equal(replica.ready, true)
  t.equal(replica.because, 'the server answers and is in sync with its master 10.0.0.1:6379')
})

void t.test('a server that does not answer, loads or cannot be used is not ready', async t => {
  t.equal(judge(silent).because, 'the server does not answer: ECONNREFUSED 10.0.0.1:6379')
  for (const state of ['silent', 'loading', 'unusable'] as const) {
    const result = judge({ state, because: 'the reason' }, { wasReady: true })
    t.equal(result.ready, false, state)
    t.same(bad(result), ['server'])
    t.match(result.because, /the reason/)
  }
})

void t.test('a blank server is not ready: it is no member and knows no slots', async t => {
  t.same(bad(judge(answered(blank(0)))), ['member', 'slots'])
})

void t.test('a node in handshake makes no member', async t => {
  const nodes = parseNodes(
    `${idOf(0)} :6379@16379 myself,master - 0 0 0 connected
${idOf(1)} 10.0.0.2:6379@16379 handshake - 0 0 0 disconnected`,
  )
  t.same(bad(judge(answered({ ...blank(0), nodes }))), ['member', 'slots'])
})

void t.test('slots without owner count only before the first time ready', async t => {
  const nodes = parseNodes(tableOf(0)).filter(node => node.id !== idOf(2))
  const server = answered(factsOf(0, { nodes }))
  const before = judge(server)
  t.same(bad(before), ['slots'])
  t.equal(before.because, 'the server knows an owner for 10923 of 16384 slots')
  t.equal(judge(server, { wasReady: true }).ready, true)
})

void t.test('another shard that failed makes nobody unready, not even before', async t => {
  const nodes = parseNodes(tableOf(0, { 2: 'fail', 5: 'fail?' }))
  t.equal(judge(answered(factsOf(0, { nodes, clusterState: 'fail' }))).ready, true)
})

void t.test(
  'a replica without link to its master is not ready, and was ready changes nothing',
  async t => {
    const { replication } = factsOf(3)
    const down = answered(factsOf(3, { replication: { ...replication, linkUp: false } }))
    t.equal(judge(down, { wasReady: true }).ready, false)
    t.equal(judge(down).because, 'the server has no link to its master 10.0.0.1:6379')
    const syncing = { ...replication, linkUp: false, syncing: true }
    t.match(judge(answered(factsOf(3, { replication: syncing }))).because, /copies the dataset/)
  },
)

void t.test('a pod that ends is not ready, whatever its server says', async t => {
  const result = judge(answered(factsOf(0)), { terminating: true, wasReady: true })
  t.equal(result.ready, false)
  t.equal(result.because, 'the pod ends')
})

void t.test('a pause changes nothing but is told', async t => {
  const result = judge(answered(factsOf(0)), { paused: true })
  t.equal(result.ready, true)
  t.match(result.because, /plans are paused$/)
  t.match(result.checks.at(-1)?.detail, 'paused by a person')
})
