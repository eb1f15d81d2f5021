import t from 'tap'
import { storyLine } from '../../../local/story.ts'
import { describeStatus } from '../../../local/table.ts'
import { asNodeId } from '../../../agent/cluster/node-id.ts'

void t.test('a log line reads as a sentence', async t => {
  const line = JSON.stringify({
    level: 'info',
    time: '2026-01-01T00:00:00.000Z',
    pod: 'redis-cluster-0',
    event: 'plan.changed',
    phase: 'forming',
    because: 'six pods are blank',
    msg: 'the cluster needs something else than before',
  })
  t.equal(
    storyLine('redis-cluster-0', line),
    'redis-cluster-0: the cluster needs something else than before: phase forming, six pods are blank',
  )
  t.equal(storyLine('redis-cluster-0', '{"level":"debug","msg":"steady"}'), null)
  t.equal(storyLine('redis-cluster-0', 'Error: no JSON'), 'redis-cluster-0: Error: no JSON')
})

void t.test('a status is a table with its state below', async t => {
  const text = describeStatus({
    state: 'ok',
    coordinator: 'redis-cluster-0',
    pods: [
      {
        name: 'redis-cluster-0',
        ordinal: 0,
        ip: '127.1.2.3',
        port: 6379,
        httpPort: 9121,
        ready: true,
        role: 'master',
        shard: 0,
        nodeId: asNodeId('0123456789'.repeat(4)),
        slots: [[0, 16383]],
      },
    ],
  })
  t.equal(
    text,
    [
      'POD              ADDRESS    ROLE    SHARD  SLOTS    READY  NODE',
      'redis-cluster-0  127.1.2.3  master  0      0-16383  yes    01234567',
      'state ok, coordinator redis-cluster-0',
    ].join('\n'),
  )
})
