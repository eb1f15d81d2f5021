import t from 'tap'
import type { ClusterView } from '../../../agent/cluster/view.ts'
import type { PodFacts } from '../../../agent/kubernetes/api.ts'
import { createFreshLabels } from '../../../agent/kubernetes/fresh-labels.ts'
import { happenings, unsettledBy, type Unsettled } from '../../../agent/kubernetes/happenings.ts'
import type { Phase } from '../../../agent/plan/action.ts'

const view: ClusterView = { pods: [], dnsFailure: null, nowMs: 0 }

/** The reasons told while a coordinator passes through these phases. */
function told(phases: readonly Phase[]): string[] {
  let before: { view: ClusterView | null; phase: string; unsettled: Unsettled } = {
    view: null,
    phase: '',
    unsettled: null,
  }
  return phases.flatMap(phase => {
    const found = happenings(before, {
      view,
      plan: { phase, because: 'why', actions: [] },
      done: [],
    })
    before = { view, phase, unsettled: unsettledBy(before.unsettled, phase) }
    return found.map(({ reason }) => reason)
  })
}

void t.test('a formation is told once, though it heals before it is ok', async t => {
  t.same(told(['waiting', 'forming', 'waiting', 'forming', 'healing', 'ok', 'ok']), ['Formed'])
})

void t.test('each end of trouble has its name', async t => {
  t.same(told(['ok', 'joining', 'healing', 'ok']), ['Joined'])
  t.same(told(['degraded', 'healing', 'ok', 'healing', 'ok']), ['Recovered'])
  t.same(told(['waiting', 'ok']), [], 'a coordinator that only begins has nothing to tell')
})

void t.test('a pause and its end are told', async t => {
  t.same(told(['ok', 'paused', 'paused', 'ok']), ['Paused', 'Resumed'])
})

void t.test('labels count as written until a later poll says what they are', async t => {
  let now = 10
  const fresh = createFreshLabels(() => now)
  const pods = [{ uid: 'a', labels: { app: 'x', role: 'master' } }] as unknown as PodFacts[]
  const labels = (askedMs: number) => fresh.apply(pods, askedMs)[0]?.labels
  t.same(labels(5), { app: 'x', role: 'master' })
  fresh.note('a', { role: 'replica' })
  now = 12
  fresh.note('a', { shard: '1' })
  t.same(labels(5), { app: 'x', role: 'replica', shard: '1' }, 'the poll is older')
  t.same(labels(20), { app: 'x', role: 'master' }, 'the poll is newer: somebody changed it')
})
