import type { Json, JsonObject } from './answer.ts'

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON Merge Patch, RFC 7396; for maps as labels and annotations the strategic one is the same. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const merged: Record<string, Json> = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], value)
  }
  return merged
}

function setAt(
  target: Json,
  path: readonly string[],
  change: (map: Record<string, Json>, key: string) => void,
): Json {
  const [key = '', ...rest] = path
  const copy: Record<string, Json> = isObject(target) ? { ...target } : {}
  if (rest.length === 0) change(copy, key)
  else copy[key] = setAt(copy[key] ?? {}, rest, change)
  return copy
}

/** JSON Patch, RFC 6902: add, replace and remove in maps. Null if it is no such list. */
export function jsonPatch(target: Json, patch: Json): Json | null {
  if (!Array.isArray(patch)) return null
  let patched = target
  for (const step of patch as readonly Json[]) {
    if (!isObject(step) || typeof step['path'] !== 'string') return null
    const { op, value } = step as { op?: Json; value?: Json }
    const path = step['path']
      .split('/')
      .slice(1)
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (op === 'remove') patched = setAt(patched, path, (map, key) => delete map[key])
    else if (op === 'add' || op === 'replace')
      patched = setAt(patched, path, (map, key) => {
        map[key] = value ?? null
      })
    else return null
  }
  return patched
}
