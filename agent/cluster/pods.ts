import type { Pod } from './view.ts'

/** The pods of a StatefulSet with these ordinals; `domain` is the headless Service's full name. */
export const podsOf = (
  statefulSet: string,
  domain: string,
  ordinals: { readonly from?: number; readonly below: number },
): Pod[] =>
  Array.from({ length: Math.max(0, ordinals.below - (ordinals.from ?? 0)) }, (_, i) => {
    const ordinal = i + (ordinals.from ?? 0)
    const name = `${statefulSet}-${ordinal}`
    return { ordinal, name, hostname: `${name}.${domain}` }
  })
