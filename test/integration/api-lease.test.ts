import t, { type Test } from 'tap'
import type { Api } from '../../agent/kubernetes/api.ts'
import { createKubernetesClient } from '../../agent/kubernetes/client.ts'
import { createLeadership } from '../../agent/kubernetes/lease.ts'
import { createKubernetesWatch } from '../../agent/kubernetes/poll.ts'
import { createStandInApi, type StandInApi } from '../../local/api/stand-in.ts'
import { temporaryFolder } from '../helper/folder.ts'

const { signal } = new AbortController()

/** A stand-in with that many pods, and a client for each agent of whom `clients` has one. */
async function setUp(t: Test, pods: number, clients: number) {
  const directory = temporaryFolder(t)
  const standIn = createStandInApi({
    namespace: 'demo',
    statefulSet: 'redis-cluster',
    replicas: pods,
  })
  await standIn.listen('127.0.0.1')
  standIn.writeServiceAccount(directory)
  for (let ordinal = 0; ordinal < pods; ordinal++)
    standIn.setPod({ ordinal, ip: '10.0.0.1', ready: true })
  const env = standIn.env()
  const apis = Array.from({ length: clients }, (_, ordinal) =>
    createKubernetesClient({
      namespace: 'demo',
      statefulSet: 'redis-cluster',
      podName: `redis-cluster-${ordinal}`,
      serviceAccountDir: directory,
      host: env.KUBERNETES_SERVICE_HOST,
      port: env.KUBERNETES_SERVICE_PORT,
      nowMs: () => performance.now(),
      timeoutMs: 20_000,
    }),
  )
  t.teardown(async () => {
    for (const api of apis) api.close()
    await standIn.close()
  })
  return { standIn, apis: apis as [Api, Api] }
}

void t.test('one of two holds it, the other follows, clocks 5 s apart', async t => {
  const { apis, standIn } = await setUp(t, 6, 2)
  const time = { ms: 0 }
  const wallMs = 1_700_000_000_000
  const a = createLeadership(apis[0], {
    holder: 'redis-cluster-0_a',
    nowMs: () => time.ms + 5000,
    wallMs: () => wallMs + time.ms,
  })
  const b = createLeadership(apis[1], {
    holder: 'redis-cluster-1_b',
    nowMs: () => time.ms,
    wallMs: () => wallMs + time.ms + 5000,
  })
  await Promise.all([a.attempt(signal), b.attempt(signal)])
  const [first, second] = a.mayAct() ? [a, b] : [b, a]
  t.ok(first.mayAct())
  t.notOk(second.mayAct())
  await second.attempt(signal)
  time.ms = 2000
  await first.attempt(signal)
  await second.attempt(signal)
  standIn.fault({ type: 'away' })
  time.ms = 5000
  await t.rejects(first.attempt(signal), { code: 'API' })
  t.ok(first.mayAct(), 'within its deadline')
  time.ms = 6000
  t.notOk(first.mayAct(), 'past it')
  standIn.fault(null)
  time.ms = 7000
  await second.attempt(signal)
  t.notOk(second.mayAct(), '5 s after the record changed')
  time.ms = 8000
  await second.attempt(signal)
  t.ok(second.mayAct(), '6 s after')
  await first.attempt(signal)
  t.notOk(first.mayAct())
  await second.release(signal)
  await first.attempt(signal)
  t.ok(first.mayAct(), 'at once after the release')
  t.match(standIn.lease(), { spec: { leaseTransitions: 2, leaseDurationSeconds: 6 } })
})

/** What the coordinator asks in `rounds` of two seconds each. */
async function requestsIn(rounds: number, api: Api, standIn: StandInApi): Promise<number> {
  const leadership = createLeadership(api, { holder: 'a', nowMs: () => performance.now() })
  const watch = createKubernetesWatch(api, { nowMs: () => performance.now() })
  for (let round = 0; round < rounds; round++) {
    await watch.poll(signal)
    await leadership.attempt(signal)
  }
  if (watch.latest().state !== 'answered') throw new Error('the API did not answer')
  return [...standIn.requests().values()].reduce((sum, count) => sum + count, 0)
}

void t.test('90 requests a minute, for 6 pods as for 60', async t => {
  for (const pods of [6, 60]) {
    const { apis, standIn } = await setUp(t, pods, 1)
    // One more: the first time it has to see that there is no Lease yet.
    t.equal(await requestsIn(30, apis[0], standIn), 91)
  }
})
