import type { JsonObject } from './answer.ts'

/** What the API keeps: objects by resource and name, and one counter of changes to all of them. */
export type Store = {
  readonly get: (resource: string, name: string) => JsonObject | undefined
  readonly list: (resource: string) => JsonObject[]
  /** Keeps the object with a new resourceVersion, and returns it so. */
  readonly put: (resource: string, name: string, object: JsonObject) => JsonObject
  readonly remove: (resource: string, name: string) => void
  readonly version: () => string
}

export function createStore(): Store {
  const resources = new Map<string, Map<string, JsonObject>>()
  // As on a cluster that has lived for a while; only ever larger, and opaque to clients.
  let version = 1000
  const of = (resource: string): Map<string, JsonObject> => {
    const found = resources.get(resource) ?? new Map<string, JsonObject>()
    resources.set(resource, found)
    return found
  }
  return {
    get: (resource, name) => of(resource).get(name),
    list: resource => [...of(resource).values()],
    put: (resource, name, object) => {
      version += 1
      const metadata = { ...(object['metadata'] as JsonObject), resourceVersion: `${version}` }
      const kept = { ...object, metadata }
      of(resource).set(name, kept)
      return kept
    },
    remove: (resource, name) => {
      version += 1
      of(resource).delete(name)
    },
    version: () => `${version}`,
  }
}
