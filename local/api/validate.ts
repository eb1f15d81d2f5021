import type { Cause, JsonObject } from './answer.ts'
import { isObject } from './patch.ts'

/** The layout of a MicroTime as Go writes it down: exactly six decimals. */
const layout = '2006-01-02T15:04:05.000000Z07:00'

/** What the API says to a Lease whose times are not MicroTimes; null if they are. */
export function leaseTimeComplaint(body: JsonObject): string | null {
  const spec = isObject(body['spec']) ? body['spec'] : {}
  for (const field of ['acquireTime', 'renewTime']) {
    const value = spec[field]
    if (typeof value !== 'string') continue
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(value)) continue
    const rest = value.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, '')
    return `Lease in version "v1" cannot be handled as a Lease: parsing time "${value}" as "${layout}": cannot parse "${rest}" as ".000000"`
  }
  return null
}

/** What is wrong with a core/v1 event. */
export function eventCauses(body: JsonObject, namespace: string): Cause[] {
  const object = isObject(body['involvedObject']) ? body['involvedObject'] : {}
  const of = object['namespace'] ?? ''
  if (of === namespace) return []
  return [
    {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(of)}: does not match event.namespace`,
      field: 'involvedObject.namespace',
    },
  ]
}
