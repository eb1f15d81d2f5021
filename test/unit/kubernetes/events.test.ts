import t from 'tap'
import { ApiError } from '../../../agent/kubernetes/api-error.ts'
import type { EventRecord } from '../../../agent/kubernetes/api.ts'
import { createEventRecorder } from '../../../agent/kubernetes/events.ts'

const { signal } = new AbortController()
const set = { kind: 'StatefulSet', name: 'redis-cluster', uid: 'u' } as const

function setUp() {
  const time = { ms: 1000 }
  const recorded: EventRecord[] = []
  const counts = new Map<string, number>()
  const trouble: { next: Error | null } = { next: null }
  const fail = (): void => {
    const { next } = trouble
    trouble.next = null
    if (next) throw next
  }
  const recorder = createEventRecorder(
    {
      recordEvent: async event => {
        fail()
        recorded.push(event)
      },
      repeatEvent: async (name, count) => {
        fail()
        counts.set(name, count)
      },
    },
    { nowMs: () => time.ms, wallMs: () => 1_700_000_000_000 },
  )
  return { time, recorded, counts, trouble, recorder }
}

void t.test('records an event with its type, and counts the same one told again', async t => {
  const { recorder, recorded, counts } = setUp()
  t.equal(await recorder.tell(set, 'Formed', '3 masters', signal), 'recorded')
  t.equal(await recorder.tell(set, 'Formed', '3 masters', signal), 'counted')
  t.equal(await recorder.tell(set, 'Formed', '3 masters', signal), 'counted')
  t.equal(await recorder.tell(set, 'ShardLost', 'slots 0-5460', signal), 'recorded')
  t.match(recorded, [
    { object: set, type: 'Normal', reason: 'Formed', message: '3 masters' },
    { type: 'Warning', reason: 'ShardLost' },
  ])
  t.equal(new Set(recorded.map(event => event.name)).size, 2, 'each has a name of its own')
  t.match(recorded[0]?.name, /^redis-cluster\.[0-9a-f]+$/)
  t.equal(counts.get(recorded[0]?.name ?? ''), 3)
})

void t.test('of another object, or long after, it is another event', async t => {
  const { recorder, recorded, time } = setUp()
  await recorder.tell(set, 'Joined', 'x', signal)
  await recorder.tell({ kind: 'Pod', name: 'redis-cluster-1', uid: 'p' }, 'Joined', 'x', signal)
  time.ms += 600_001
  t.equal(await recorder.tell(set, 'Joined', 'x', signal), 'recorded')
  t.equal(recorded.length, 3)
})

void t.test(
  '25 on one object, then one in five minutes; other objects are not held back',
  async t => {
    const { recorder, recorded, time } = setUp()
    for (let i = 0; i < 100; i++) await recorder.tell(set, 'Joined', `pod ${i}`, signal)
    t.equal(recorded.length, 25)
    t.equal(await recorder.tell({ ...set, name: 'other' }, 'Joined', 'x', signal), 'recorded')
    time.ms += 300_000
    t.equal(await recorder.tell(set, 'Joined', 'a', signal), 'recorded')
    t.equal(await recorder.tell(set, 'Joined', 'b', signal), 'limited')
  },
)

void t.test(
  'an event that is gone is made anew; one that could not be made is not counted on',
  async t => {
    const { recorder, recorded, trouble } = setUp()
    await recorder.tell(set, 'Paused', 'x', signal)
    trouble.next = new ApiError('gone', 404, 'gone')
    t.equal(await recorder.tell(set, 'Paused', 'x', signal), 'recorded')
    t.equal(recorded.length, 2)
    trouble.next = new ApiError('away', 0, 'away')
    await t.rejects(recorder.tell(set, 'Resumed', 'x', signal), { code: 'API', kind: 'away' })
    t.equal(await recorder.tell(set, 'Resumed', 'x', signal), 'recorded')
  },
)
