import t from 'tap'
import type { Api } from '../../agent/kubernetes/api.ts'
import { readRules } from '../../local/api/rules.ts'
import { record, roleManifest, setUp } from './api-set-up.ts'

const { signal } = new AbortController()

/** Every call that the agent makes, by verb and resource. */
const everyCall: readonly [string, (api: Api) => Promise<unknown>][] = [
  ['get statefulsets', api => api.readStatefulSet(signal)],
  ['patch statefulsets', api => api.annotate({ 'redis-cluster-agent/paused': 'true' }, signal)],
  ['list pods', api => api.listPods(signal)],
  ['patch pods', api => api.labelPod({ name: 'redis-cluster-0', uid: 'u0' }, { x: 'y' }, signal)],
  ['create leases', api => api.createLease(record, signal)],
  ['get leases', api => api.readLease(signal)],
  ['update leases', api => api.replaceLease(record, '1', signal).catch(onlyConflict)],
  [
    'create events',
    api =>
      api.recordEvent(
        {
          name: 'redis-cluster.1',
          object: { kind: 'StatefulSet', name: 'redis-cluster', uid: 'u' },
          type: 'Normal',
          reason: 'Formed',
          message: 'formed 3 masters',
          atMs: 1_700_000_000_000,
        },
        signal,
      ),
  ],
  ['patch events', api => api.repeatEvent('redis-cluster.1', 2, 1_700_000_001_000, signal)],
]

function onlyConflict(error: unknown): void {
  if ((error as { kind?: string }).kind !== 'conflict') throw error
}

void t.test('reads the StatefulSet and its pods', async t => {
  const { standIn, api } = await setUp(t)
  standIn.setPod({ ordinal: 10, uid: 'u10', phase: 'Pending' })
  standIn.setPod({ ordinal: 2, uid: 'u2', ip: '10.0.0.2', node: 'n2', ready: true })
  standIn.setPod({ ordinal: 2, terminating: true, graceSeconds: 60 })
  standIn.annotate({ 'redis-cluster-agent/masters': '3' })
  standIn.scale(5)
  const set = await api.readStatefulSet(signal)
  t.match(set, {
    replicas: 5,
    generation: 2,
    deleting: false,
    annotations: { 'redis-cluster-agent/masters': '3' },
  })
  const pods = await api.listPods(signal)
  t.match(pods, [
    { ordinal: 2, uid: 'u2', ip: '10.0.0.2', node: 'n2', ready: true, terminating: true },
    { ordinal: 10, uid: 'u10', ip: '', ready: false, terminating: false, phase: 'Pending' },
  ])
  const endsInMs = (pods[0]?.deletionTimestampMs ?? 0) - Date.now()
  t.ok(endsInMs <= 60_000 && endsInMs > 0, 'the end of the grace period')
  t.equal(pods[1]?.deletionTimestampMs, null)
  standIn.deletePod(2)
  t.equal((await api.listPods(signal)).length, 1)
})

void t.test('a StatefulSet that ends, and one that is gone', async t => {
  const { standIn, api } = await setUp(t)
  standIn.deleteStatefulSet('deleting')
  t.match(await api.readStatefulSet(signal), { deleting: true })
  standIn.deleteStatefulSet('gone')
  t.equal(await api.readStatefulSet(signal), 'gone')
})

void t.test('labels a pod, and not its successor of the same name', async t => {
  const { standIn, api } = await setUp(t)
  standIn.setPod({ ordinal: 0, uid: 'first' })
  const pod = { name: 'redis-cluster-0', uid: 'first' }
  await api.labelPod(pod, { 'redis-cluster-agent/role': 'master', app: 'redis-cluster' }, signal)
  t.match(standIn.podLabels(0), {
    'redis-cluster-agent/role': 'master',
    'apps.kubernetes.io/pod-index': '0',
  })
  await api.labelPod(pod, { 'redis-cluster-agent/role': null }, signal)
  t.notMatch(Object.keys(standIn.podLabels(0)), ['redis-cluster-agent/role'])
  standIn.setPod({ ordinal: 0, uid: 'second' })
  await t.rejects(api.labelPod(pod, { 'redis-cluster-agent/role': 'replica' }, signal), {
    code: 'API',
    kind: 'conflict',
  })
  t.notOk('redis-cluster-agent/role' in standIn.podLabels(0))
  standIn.deletePod(0)
  await t.rejects(api.labelPod(pod, { x: 'y' }, signal), { code: 'API', kind: 'gone', status: 404 })
})

void t.test('annotates the StatefulSet and counts a repeated event', async t => {
  const { standIn, api } = await setUp(t)
  await api.annotate({ 'redis-cluster-agent/paused': 'true' }, signal)
  t.same(standIn.annotations(), { 'redis-cluster-agent/paused': 'true' })
  await api.annotate({ 'redis-cluster-agent/paused': null }, signal)
  t.same(standIn.annotations(), {})
  for (const [name, call] of everyCall) if (name.endsWith('events')) await call(api)
  t.match(standIn.events(), [
    {
      reason: 'Formed',
      count: 2,
      firstTimestamp: '2023-11-14T22:13:20Z',
      lastTimestamp: '2023-11-14T22:13:21Z',
      involvedObject: { kind: 'StatefulSet', name: 'redis-cluster' },
      source: { component: 'redis-cluster-agent' },
    },
  ])
})

void t.test('the Role of the manifests allows just what the agent asks for', async t => {
  const { standIn, api } = await setUp(t)
  standIn.setPod({ ordinal: 0, uid: 'u0' })
  for (const [, call] of everyCall) await call(api)
  const asked = [...standIn.requests().keys()].sort()
  t.same(asked, everyCall.map(([name]) => name).sort(), 'no call that is not listed here')
  const allowed = readRules(roleManifest).flatMap(({ resources, verbs }) =>
    resources.flatMap(resource => verbs.map(verb => `${verb} ${resource}`)),
  )
  t.same([...new Set(allowed)].sort(), asked, 'no verb is missing, none is superfluous')
})

void t.test(
  'without a verb, its call names the verb and the resource that the Role lacks',
  async t => {
    const { api } = await setUp(t, { rules: [] })
    for (const [name, call] of everyCall) {
      // It cannot ask for pods before it knows the StatefulSet's selector.
      if (name === 'list pods') continue
      const [verb, resource] = name.split(' ')
      await t.rejects(call(api), {
        code: 'API',
        kind: 'refused',
        status: 403,
        message: new RegExp(`the Role lacks verb "${verb}" on resource "${resource}" in `),
      })
    }
  },
)

void t.test('a name that the Role does not cover is refused, not gone', async t => {
  const { api } = await setUp(t, { statefulSet: 'other' })
  await t.rejects(api.readStatefulSet(signal), {
    code: 'API',
    kind: 'refused',
    message: /statefulsets.apps "other" is forbidden.* in the namespace "demo"/,
  })
})

void t.test('leases: none, created, there already, replaced, changed meanwhile', async t => {
  const { standIn, api } = await setUp(t)
  t.equal(await api.readLease(signal), 'gone')
  const created = await api.createLease(record, signal)
  t.match(created, record)
  t.match(standIn.lease(), {
    spec: {
      acquireTime: '2023-11-14T22:13:20.000000Z',
      renewTime: '2023-11-14T22:13:20.123000Z',
    },
  })
  await t.rejects(api.createLease(record, signal), { code: 'API', kind: 'conflict', status: 409 })
  const replaced = await api.replaceLease({ ...record, holder: 'b' }, created.version, signal)
  t.not(replaced.version, created.version)
  t.same(await api.readLease(signal), replaced)
  await t.rejects(api.replaceLease(record, created.version, signal), {
    code: 'API',
    kind: 'conflict',
    message: /update leases.coordination.k8s.io redis-cluster: 409: .*has been modified/,
  })
})
