import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createStandInApi } from '../../local/api/stand-in.ts'
import { record, setUp } from './api-set-up.ts'

const { signal } = new AbortController()

void t.test('a rotated token is used at once; none at all is named', async t => {
  const { standIn, api, directory } = await setUp(t)
  await api.readStatefulSet(signal)
  standIn.rotateToken()
  t.match(await api.readStatefulSet(signal), { replicas: 6 })
  rmSync(join(directory, 'token'))
  await t.rejects(api.readStatefulSet(signal), {
    code: 'API',
    kind: 'refused',
    message: /token cannot be read/,
  })
})

void t.test('a token that the API does not know', async t => {
  const { standIn, api, directory } = await setUp(t)
  rmSync(join(directory, 'token'))
  writeFileSync(join(directory, 'token'), 'expired')
  await t.rejects(api.readStatefulSet(signal), {
    code: 'API',
    kind: 'refused',
    status: 401,
    message: /does not accept the service account's token/,
  })
  standIn.writeServiceAccount(directory)
  t.match(await api.readStatefulSet(signal), { replicas: 6 })
})

void t.test('a rotated CA is believed, an unknown one is not', async t => {
  const { standIn, api, directory } = await setUp(t)
  await api.readStatefulSet(signal)
  standIn.rotateCa()
  t.match(await api.readStatefulSet(signal), { replicas: 6 })
  const impostor = createStandInApi({ namespace: 'demo', statefulSet: 'x', replicas: 1 })
  impostor.writeServiceAccount(directory)
  await t.rejects(api.readStatefulSet(signal), {
    code: 'API',
    kind: 'away',
    message: /certificate|signature/i,
  })
})

void t.test('429: leaves the API alone for as long as it asked, for every call', async t => {
  const { standIn, api, clock } = await setUp(t)
  standIn.fault({ type: 'status', code: 429, retryAfterSeconds: 10, times: 1 })
  await t.rejects(api.readStatefulSet(signal), { code: 'API', kind: 'away', status: 429 })
  clock.ms += 9_000
  await t.rejects(api.readLease(signal), {
    code: 'API',
    kind: 'away',
    message: /asked to wait 1 s more/,
  })
  t.equal(standIn.requests().get('get leases'), undefined, 'nothing was sent')
  clock.ms += 1_000
  t.match(await api.readStatefulSet(signal), { replicas: 6 })
})

void t.test('5xx, no connection and no answer are the API being away; then it is back', async t => {
  const { standIn, api } = await setUp(t)
  standIn.fault({ type: 'status', code: 503 })
  await t.rejects(api.readStatefulSet(signal), { code: 'API', kind: 'away', status: 503 })
  standIn.fault({ type: 'away' })
  await t.rejects(api.readStatefulSet(signal), { code: 'API', kind: 'away', status: 0 })
  standIn.fault(null)
  t.match(await api.readStatefulSet(signal), { replicas: 6 })
})

void t.test('a call that hangs ends in time, or when its caller gives up', async t => {
  const { standIn, api } = await setUp(t, { timeoutMs: 300 })
  // Loads the library and connects, without the short time-out in the way.
  await api.readStatefulSet(signal).catch(() => {})
  standIn.fault({ type: 'hang' })
  await t.rejects(api.readStatefulSet(signal), {
    code: 'API',
    kind: 'away',
    message: /within 300 ms/,
  })
  const caller = new AbortController()
  const given = t.rejects(api.listPods(caller.signal), {
    code: 'API',
    kind: 'away',
    message: /given up/,
  })
  caller.abort()
  await given
})

void t.test('a kept connection that the server closed meanwhile costs no answer', async t => {
  const { standIn, api } = await setUp(t)
  standIn.setPod({ ordinal: 0, uid: 'u0' })
  await api.readStatefulSet(signal)
  standIn.fault({ type: 'stale' })
  t.equal((await api.listPods(signal)).length, 1)
  standIn.fault({ type: 'stale' })
  await api.labelPod({ name: 'redis-cluster-0', uid: 'u0' }, { x: 'y' }, signal)
  t.equal(standIn.podLabels(0)['x'], 'y')
  standIn.fault({ type: 'stale' })
  await t.rejects(
    api.createLease(record, signal),
    { code: 'API', kind: 'away' },
    'a write is not repeated',
  )
  t.equal(standIn.lease(), undefined)
})
