/** Whatever JSON objects hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/** What is sent back. */
export type Answer = {
  readonly status: number
  readonly body: Json
  readonly headers?: Readonly<Record<string, string>>
}

/** The resource that a call is about, as the API names it in paths, rules and messages. */
export type Target = {
  readonly group: string
  readonly resource: string
  readonly kind: string
  readonly name: string
}

/** `leases.coordination.k8s.io`, or `pods` for the core group. */
export const qualified = ({ group, resource }: Target): string =>
  group === '' ? resource : `${resource}.${group}`

/** A Status body, as the API answers where it does not answer with the object. */
export const statusBody = (
  code: number,
  reason: string,
  message: string,
  details?: JsonObject,
): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
})

const detailsOf = ({ name, group, resource }: Target): JsonObject => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: resource,
})

const failure = (code: number, reason: string, message: string, details?: JsonObject): Answer => ({
  status: code,
  body: statusBody(code, reason, message, details),
})

export const unauthorized = (): Answer => failure(401, 'Unauthorized', 'Unauthorized')

export const notFound = (target: Target): Answer =>
  failure(404, 'NotFound', `${qualified(target)} "${target.name}" not found`, detailsOf(target))

export const pathNotFound = (): Answer =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {})

export const alreadyExists = (target: Target): Answer =>
  failure(
    409,
    'AlreadyExists',
    `${qualified(target)} "${target.name}" already exists`,
    detailsOf(target),
  )

const changedMeanwhile =
  'the object has been modified; please apply your changes to the latest version and try again'

export const conflict = (target: Target): Answer =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(target)} "${target.name}": ${changedMeanwhile}`,
    detailsOf(target),
  )

export const badRequest = (message: string): Answer => failure(400, 'BadRequest', message)

export const unsupportedMediaType = (): Answer =>
  failure(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
  )

/** `field` and what is wrong with it. */
export type Cause = { readonly reason: string; readonly message: string; readonly field: string }

/** 422. What validation finds names the kind; what the update itself finds, the resource. */
export function invalid(
  target: Target,
  causes: readonly Cause[],
  by: 'kind' | 'resource' = 'kind',
): Answer {
  const listed = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))]
  const said = listed.length === 1 ? listed.join('') : `[${listed.join(', ')}]`
  const what = by === 'kind' ? target.kind : qualified(target)
  return failure(422, 'Invalid', `${what} "${target.name}" is invalid: ${said}`, {
    name: target.name,
    ...(target.group === '' ? {} : { group: target.group }),
    kind: by === 'kind' ? target.kind : target.resource,
    causes: causes.map(({ reason, message, field }) => ({ reason, message, field })),
  })
}

export function forbidden(target: Target, user: string, verb: string, namespace: string): Answer {
  const named = target.name === '' ? '' : ` "${target.name}"`
  return failure(
    403,
    'Forbidden',
    `${qualified(target)}${named} is forbidden: User "${user}" cannot ${verb} resource "${target.resource}" in API group "${target.group}" in the namespace "${namespace}"`,
    detailsOf(target),
  )
}

/** 429 and 5xx as a server under load, or one that restarts, answers them. */
export function trouble(code: number, retryAfterSeconds: number | undefined): Answer {
  const [reason, message] =
    code === 429
      ? ['TooManyRequests', 'Too many requests, please try again later.']
      : ['ServiceUnavailable', 'apiserver is shutting down']
  return {
    ...failure(code, reason, message),
    ...(retryAfterSeconds === undefined
      ? {}
      : { headers: { 'retry-after': `${retryAfterSeconds}` } }),
  }
}

/** The value if it is text, else nothing. */
export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
