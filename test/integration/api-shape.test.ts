import { mkdirSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { JsonObject } from '../../local/api/answer.ts'
import { createStandInApi, type StandInApi } from '../../local/api/stand-in.ts'
import { temporaryFolder } from '../helper/folder.ts'

type Recording = {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly contentType?: string
    readonly body?: JsonObject
  }
  readonly status: number
  readonly body: JsonObject
}

const recorded = (name: string): Recording =>
  JSON.parse(
    readFileSync(join(import.meta.dirname, `../unit/kubernetes/recorded/${name}.json`), 'utf8'),
  ) as Recording

/** Sends a recorded request as curl sent it to the real API. */
async function send(
  directory: string,
  api: StandInApi,
  asked: Recording['request'],
  token?: string,
) {
  const env = api.env()
  const file = (name: string): string => readFileSync(join(directory, name), 'utf8')
  return new Promise<{ status: number; body: JsonObject }>((resolve, reject) => {
    const sent = request(
      {
        host: env.KUBERNETES_SERVICE_HOST,
        port: env.KUBERNETES_SERVICE_PORT,
        path: asked.path,
        method: asked.method,
        ca: file('ca.crt'),
        headers: {
          authorization: `Bearer ${token ?? file('token')}`,
          ...(asked.contentType === undefined ? {} : { 'content-type': asked.contentType }),
        },
      },
      response => {
        let text = ''
        response.on('data', chunk => (text += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as JsonObject }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(asked.body === undefined ? undefined : JSON.stringify(asked.body))
  })
}

/** Every path through the value with the type at its end, and values where they are the API's own words. */
function shape(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => shape(item, `${path}[${i}]`))
  if (typeof value === 'object' && value !== null)
    return [
      `${path}{}`,
      ...Object.entries(value).flatMap(([key, at]) => shape(at, `${path}.${key}`)),
    ]
  const words = /\.(kind|apiVersion|status|reason|message|code|type)$/
  return [
    `${path}: ${value === null ? 'null' : typeof value}${words.test(path) ? ` ${String(value)}` : ''}`,
  ]
}

const shapeOf = (body: JsonObject): string[] => [...new Set(shape(body))].sort()

/** The stand-in with the objects that the recordings were made with. */
async function setUp(t: Test) {
  const directory = join(temporaryFolder(t), 'account')
  mkdirSync(directory)
  const api = createStandInApi({
    namespace: 'demo',
    statefulSet: 'redis-cluster',
    replicas: 3,
    labels: { app: 'redis-cluster' },
    rules: [
      {
        apiGroups: ['apps'],
        resources: ['statefulsets'],
        resourceNames: ['redis-cluster'],
        verbs: ['get'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'patch'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        verbs: ['get', 'create', 'update'],
      },
    ],
  })
  await api.listen('127.0.0.1')
  api.writeServiceAccount(directory)
  t.teardown(() => api.close())
  for (const ordinal of [0, 1, 2]) api.setPod({ ordinal, ip: `10.244.0.${ordinal}`, ready: true })
  return { api, directory }
}

void t.test('answers as the real API has answered, in this order', async t => {
  const { api, directory } = await setUp(t)
  const names = [
    'statefulset-get',
    'pods-list',
    'pod-label-patch',
    'pod-not-found',
    'statefulset-forbidden',
    'statefulset-list-forbidden',
    'lease-not-found',
    'lease-create',
    'lease-get',
    'lease-create-exists',
    'lease-update-conflict',
    'lease-update',
    'lease-bad-time',
    'lease-update-unversioned',
    'pod-other-uid',
    'event-create',
    'event-repeat',
    'event-other-namespace',
  ]
  for (const name of names) {
    const real = recorded(name)
    const asked = structuredClone(real.request)
    if (name === 'lease-update') {
      const lease = api.lease() as { metadata: JsonObject } | undefined
      const version = lease?.metadata['resourceVersion']
      Object.assign(asked.body?.['metadata'] as object, { resourceVersion: version })
    }
    const answered = await send(directory, api, asked)
    t.equal(answered.status, real.status, name)
    t.same(shapeOf(answered.body), shapeOf(real.body), name)
  }
})

void t.test('a terminating pod, and a token that is unknown', async t => {
  const { api, directory } = await setUp(t)
  api.setPod({ ordinal: 2, terminating: true, graceSeconds: 60 })
  const pod = recorded('pod-terminating')
  t.same(shapeOf((await send(directory, api, pod.request)).body), shapeOf(pod.body))
  const refused = recorded('unauthorized')
  const answered = await send(directory, api, refused.request, 'nonsense')
  t.equal(answered.status, 401)
  t.same(answered.body, refused.body)
})
