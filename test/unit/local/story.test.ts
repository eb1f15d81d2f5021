import t from 'tap'
import { storyLines } from '../../../local/story-line.ts'
import { describeStatus } from '../../../local/table.ts'
import { asNodeId } from '../../../agent/cluster/node-id.ts'

const line = (event: string, fields: object) =>
  JSON.stringify({ level: 'info', time: '2026-01-01T00:00:00.000Z', pod: 'a-0', event, ...fields })

void t.test('log lines read as a story', async t => {
  const plan = line('plan.changed', { phase: 'forming', because: 'six pods are blank', msg: 'x' })
  const meet = (pod: number) =>
    line('action.done', { action: `pod ${pod}: CLUSTER MEET 10.0.0.${pod} 6379`, msg: 'done' })
  const idle = line('pod.planChanged', { phase: 'ok', because: 'nothing', actionCount: 0 })
  t.strictSame(storyLines([plan, idle, meet(1)]), [
    'forming: six pods are blank',
    'did pod 1: CLUSTER MEET 10.0.0.1 6379',
  ])
  const epoch = line('action.done', { action: 'pod 3: CLUSTER SET-CONFIG-EPOCH 4', msg: 'done' })
  t.strictSame(storyLines([meet(1), meet(2), epoch, meet(3), plan]), [
    'did 3 x CLUSTER MEET, 1 x CLUSTER SET-CONFIG-EPOCH',
    'forming: six pods are blank',
  ])
  t.strictSame(storyLines(['{"level":"debug","msg":"steady"}', '', 'Error: no JSON']), [
    'Error: no JSON',
  ])
  const gate = line('gate.held', {
    because: 'its shard has no copy',
    msg: 'the server has to wait',
  })
  t.strictSame(storyLines([gate]), ['the server has to wait: its shard has no copy'])
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
