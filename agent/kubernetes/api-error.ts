import { AgentError, messageOf } from '../errors.ts'

/**
 * What a failed call means to its caller.
 * - `away`: nobody answered in time, or the API asked to be left alone (network, 5xx, 429). Nothing
 *   is known about the cluster's objects now.
 * - `refused`: the API answered that it will not do this for us (401, 403, 400, 422).
 * - `conflict`: somebody else was faster (409). Read again.
 * - `gone`: the object does not exist (404, 410).
 */
export type ApiErrorKind = 'away' | 'refused' | 'conflict' | 'gone'

/** A call to the Kubernetes API: its verb, and the resource as the Role names it. */
export type ApiCall = {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'patch'
  readonly resource: 'statefulsets' | 'pods' | 'events' | 'leases'
  readonly group: '' | 'apps' | 'coordination.k8s.io'
  /** Empty where the call names no object: list and create. */
  readonly name: string
}

/** A failed call to the Kubernetes API. */
export class ApiError extends AgentError {
  readonly kind: ApiErrorKind
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number
  constructor(kind: ApiErrorKind, status: number, message: string, options?: ErrorOptions) {
    super('API', message, options)
    this.name = 'ApiError'
    this.kind = kind
    this.status = status
  }
}

/** The kind of a failed call; null for any other error. */
export const apiErrorKind = (error: unknown): ApiErrorKind | null =>
  error instanceof ApiError ? error.kind : null

/** `get statefulsets.apps redis-cluster` */
export const describeCall = ({ verb, resource, group, name }: ApiCall): string =>
  `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : ` ${name}`}`

/** What client-node throws for any status that is not 2xx; recognised by shape, so as not to load it. */
type Answer = {
  readonly code: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

/** The error as an answer of the API with a bad status, or null if it is something else. */
export const asAnswer = (error: unknown): Answer | null =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'number' &&
  'body' in error &&
  'headers' in error
    ? (error as unknown as Answer)
    : null

/** `message` of a Status body. client-node hands the body over as text, or not at all (401). */
function statusMessage(body: unknown): string {
  if (typeof body !== 'string') return ''
  try {
    const status: unknown = JSON.parse(body)
    if (typeof status === 'object' && status !== null && 'message' in status)
      return String(status.message)
  } catch {
    // Not the API but something before it: show the beginning of what it said.
  }
  return body.slice(0, 200)
}

function kindOfStatus(status: number): ApiErrorKind {
  if (status === 409) return 'conflict'
  if (status === 404 || status === 410) return 'gone'
  return status === 429 || status >= 500 || status < 400 ? 'away' : 'refused'
}

function explain(call: ApiCall, answer: Answer): string {
  const said = statusMessage(answer.body)
  if (answer.code === 401)
    return "the API does not accept the service account's token (Unauthorized)"
  if (answer.code === 403) {
    const group = call.group === '' ? 'the core API group' : `API group "${call.group}"`
    return `the Role lacks verb "${call.verb}" on resource "${call.resource}" in ${group}: ${said}`
  }
  return said
}

/** Whatever a call threw, as one error that names verb, resource, status and reason. */
export function toApiError(call: ApiCall, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const what = describeCall(call)
  const answer = asAnswer(error)
  if (answer) {
    const message = `${what}: ${answer.code}: ${explain(call, answer)}`
    return new ApiError(kindOfStatus(answer.code), answer.code, message, { cause: error })
  }
  const reason = messageOf(error)
  return new ApiError('away', 0, `${what}: no usable answer: ${reason}`, { cause: error })
}
