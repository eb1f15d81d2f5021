import { randomUUID } from 'node:crypto'
import * as answers from './answer.ts'
import type { Answer, Json, JsonObject, Target } from './answer.ts'
import { isObject, jsonPatch, mergePatch } from './patch.ts'
import { allows, type Rule } from './rules.ts'
import type { Store } from './store.ts'
import { eventCauses, leaseTimeComplaint } from './validate.ts'

/** A request as it came in, its body already read. */
export type ApiRequest = {
  readonly method: string
  readonly url: string
  readonly token: string
  readonly contentType: string
  readonly body: string
}

export type HandlerOptions = {
  readonly namespace: string
  /** `system:serviceaccount:NAMESPACE:NAME` */
  readonly user: string
  readonly rules: readonly Rule[]
  readonly store: Store
  readonly acceptsToken: (token: string) => boolean
}

const kinds: Readonly<Record<string, string>> = {
  '/statefulsets.apps': 'StatefulSet',
  '/pods.': 'Pod',
  '/leases.coordination.k8s.io': 'Lease',
  '/events.': 'Event',
}

type Parsed = { readonly target: Target; readonly verb: string; readonly query: URLSearchParams }

/** Which verb on which object; null for any path that the agent has no business with. */
export function parseRequest(method: string, url: string, namespace: string): Parsed | null {
  const { pathname, searchParams } = new URL(url, 'https://kubernetes')
  const path =
    /^\/(?:api|apis\/([^/]+))\/v1\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(pathname) ?? []
  const [, group = '', inNamespace = '', resource = '', name = ''] = path.map(decoded)
  const kind = kinds[`/${resource}.${group}`]
  const verb = { GET: name === '' ? 'list' : 'get', POST: 'create', PUT: 'update', PATCH: 'patch' }[
    method
  ]
  if (kind === undefined || verb === undefined || inNamespace !== namespace) return null
  return { target: { group, resource, kind, name }, verb, query: searchParams }
}

const decoded = (part: string | undefined): string => decodeURIComponent(part ?? '')

/** Answers one request as the API server does: who are you, may you, does it parse, is it valid. */
export function handle(options: HandlerOptions, request: ApiRequest): Answer {
  const { namespace, user, rules, store } = options
  if (!options.acceptsToken(request.token)) return answers.unauthorized()
  const parsed = parseRequest(request.method, request.url, namespace)
  if (!parsed) return answers.pathNotFound()
  const { target, verb, query } = parsed
  if (!allows(rules, verb, target)) return answers.forbidden(target, user, verb, namespace)
  if (verb === 'list') return list(store, target, query)
  const present = store.get(target.resource, target.name)
  if (verb === 'get') return present ? { status: 200, body: present } : answers.notFound(target)
  const body = parseBody(request.body)
  if (body === undefined) return answers.badRequest('the object provided is unrecognized')
  if (verb === 'patch')
    return present
      ? patch(store, target, present, request.contentType, body)
      : answers.notFound(target)
  if (!isObject(body)) return answers.badRequest('the object provided is unrecognized')
  return verb === 'create'
    ? create(store, target, namespace, body)
    : update(store, target, present, body)
}

function parseBody(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

const metadataOf = (object: JsonObject): JsonObject => {
  const metadata = object['metadata']
  return isObject(metadata) ? metadata : {}
}

/** `a=b,c=d`; an empty selector takes all. */
function matches(object: JsonObject, selector: string): boolean {
  const labels = metadataOf(object)['labels']
  return selector
    .split(',')
    .filter(part => part !== '')
    .every(part => {
      const [name = '', value = ''] = part.split('=')
      return isObject(labels) && labels[name] === value
    })
}

function list(store: Store, { resource, kind, group }: Target, query: URLSearchParams): Answer {
  const selector = query.get('labelSelector') ?? ''
  // Items of a list carry neither kind nor apiVersion.
  const items = store
    .list(resource)
    .filter(object => matches(object, selector))
    .map(({ kind: _kind, apiVersion: _version, ...item }) => item)
  return {
    status: 200,
    body: {
      kind: `${kind}List`,
      apiVersion: group === '' ? 'v1' : `${group}/v1`,
      metadata: { resourceVersion: store.version() },
      items,
    },
  }
}

function create(store: Store, on: Target, namespace: string, body: JsonObject): Answer {
  const name = metadataOf(body)['name']
  const target = { ...on, name: typeof name === 'string' ? name : '' }
  const bad = complaints(target, body, namespace)
  if (bad) return bad
  if (store.get(target.resource, target.name)) return answers.alreadyExists(target)
  const metadata = {
    ...metadataOf(body),
    namespace,
    uid: randomUUID(),
    creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  }
  const full =
    on.resource === 'events' ? { source: {}, ...wholeSeconds(body), eventTime: null } : body
  return { status: 201, body: store.put(target.resource, target.name, { ...full, metadata }) }
}

/** metav1.Time keeps no fractions of a second. */
function wholeSeconds(event: JsonObject): JsonObject {
  const times = ['firstTimestamp', 'lastTimestamp'].flatMap(field => {
    const value = event[field]
    return typeof value === 'string' ? [[field, value.replace(/\.\d+Z$/, 'Z')] as const] : []
  })
  return { ...event, ...Object.fromEntries(times) }
}

function complaints(target: Target, body: JsonObject, namespace: string): Answer | null {
  const badTime = target.resource === 'leases' ? leaseTimeComplaint(body) : null
  if (badTime !== null) return answers.badRequest(badTime)
  const nameless = target.name === ''
  const causes = target.resource === 'events' ? eventCauses(body, namespace) : []
  if (nameless)
    causes.unshift({
      reason: 'FieldValueRequired',
      message: 'Required value: name or generateName is required',
      field: 'metadata.name',
    })
  return causes.length > 0 ? answers.invalid(target, causes) : null
}

function update(
  store: Store,
  target: Target,
  present: JsonObject | undefined,
  body: JsonObject,
): Answer {
  const bad = complaints(target, body, '')
  if (bad) return bad
  if (!present) return answers.notFound(target)
  const version = metadataOf(body)['resourceVersion']
  if (version === undefined) {
    const message = 'Invalid value: 0: must be specified for an update'
    const cause = { reason: 'FieldValueInvalid', message, field: 'metadata.resourceVersion' }
    return answers.invalid(target, [cause], 'resource')
  }
  if (version !== metadataOf(present)['resourceVersion']) return answers.conflict(target)
  return keep(store, target, present, body)
}

/** What a client cannot change stays as it was. */
function keep(store: Store, target: Target, present: JsonObject, changed: JsonObject): Answer {
  const { uid = null, creationTimestamp = null, namespace = null } = metadataOf(present)
  const metadata = { ...metadataOf(changed), uid, creationTimestamp, namespace }
  return { status: 200, body: store.put(target.resource, target.name, { ...changed, metadata }) }
}

function patch(
  store: Store,
  target: Target,
  present: JsonObject,
  contentType: string,
  change: Json,
): Answer {
  const type = contentType.split(';')[0]?.trim()
  const merges = ['application/merge-patch+json', 'application/strategic-merge-patch+json']
  const isMerge = merges.includes(type ?? '')
  if (!isMerge && type !== 'application/json-patch+json') return answers.unsupportedMediaType()
  const patched = isMerge ? mergePatch(present, change) : jsonPatch(present, change)
  if (!isObject(patched ?? undefined)) return answers.badRequest('the patch cannot be decoded')
  const changed = patched as JsonObject
  const before = metadataOf(present)
  const after = metadataOf(changed)
  if (after['uid'] !== before['uid']) {
    const message = `Invalid value: ${JSON.stringify(after['uid'] ?? '')}: field is immutable`
    const cause = { reason: 'FieldValueInvalid', message, field: 'metadata.uid' }
    // Twice, as the API has it: two of its checks find the same.
    return answers.invalid(target, [cause, cause])
  }
  if (after['resourceVersion'] !== before['resourceVersion']) return answers.conflict(target)
  return keep(store, target, present, changed)
}
