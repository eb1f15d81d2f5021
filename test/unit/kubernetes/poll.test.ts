import t from 'tap'
import { ApiError } from '../../../agent/kubernetes/api-error.ts'
import type { StatefulSetFacts } from '../../../agent/kubernetes/api.ts'
import { createKubernetesWatch } from '../../../agent/kubernetes/poll.ts'

const { signal } = new AbortController()
const facts = { uid: 'u', replicas: 6, generation: 1, deleting: false, annotations: {} }

function setUp() {
  const time = { ms: 0 }
  const state: { set: StatefulSetFacts | 'gone' | ApiError; lists: number } = {
    set: facts,
    lists: 0,
  }
  const watch = createKubernetesWatch(
    {
      readStatefulSet: async () => {
        if (state.set instanceof ApiError) throw state.set
        return state.set
      },
      listPods: async () => {
        state.lists += 1
        return []
      },
    },
    { nowMs: () => time.ms, everyMs: 1 },
  )
  return { time, state, watch }
}

void t.test('says nothing before it asked, then what the API says', async t => {
  const { watch } = setUp()
  t.match(watch.latest(), { state: 'away', because: 'the API was not asked yet' })
  await watch.poll(signal)
  t.match(watch.latest(), { state: 'answered', statefulSet: { replicas: 6 }, atMs: 0 })
})

void t.test('one failure takes away what was known', async t => {
  const { watch, state } = setUp()
  await watch.poll(signal)
  state.set = new ApiError('away', 503, 'get statefulsets.apps: 503')
  await watch.poll(signal)
  t.same(watch.latest(), {
    state: 'away',
    because: 'get statefulsets.apps: 503',
    refused: false,
  })
})

void t.test('an old answer is none', async t => {
  const { watch, time } = setUp()
  await watch.poll(signal)
  time.ms = 9000
  t.same(watch.latest(), { state: 'away', because: "the API's last answer is 9 s old" })
})

void t.test('a StatefulSet that is gone is an answer, and its pods are not asked for', async t => {
  const { watch, state } = setUp()
  state.set = 'gone'
  t.match(await watch.poll(signal), { state: 'answered', statefulSet: 'gone', pods: [] })
  t.equal(state.lists, 0)
})

void t.test('runs until it is told to stop', async t => {
  const { watch } = setUp()
  const stop = new AbortController()
  let rounds = 0
  await watch.run(stop.signal, () => {
    rounds += 1
    if (rounds === 3) stop.abort()
  })
  t.equal(rounds, 3)
})
