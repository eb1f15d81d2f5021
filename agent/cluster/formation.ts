import { chooseMasters, type Place } from './placement.ts'
import { evenRanges, type SlotRange } from './slots.ts'

/** How many masters a cluster of so many pods shall have; `wanted` is the annotation, if any. */
export const mastersFor = (
  pods: number,
  replicasPerMaster: number,
  wanted: number | null,
): number => wanted ?? Math.max(3, Math.floor(pods / (1 + replicasPerMaster)))

/** A pod that takes part in a formation, and the slots that it owns so far. */
export type Founder = Place & { readonly slots: readonly SlotRange[] }

const sameRanges = (owned: readonly SlotRange[], range: SlotRange): boolean =>
  owned.length === 1 && owned[0]?.[0] === range[0] && owned[0]?.[1] === range[1]

/**
 * Which pod shall own which slots when a cluster is created, by ordinal. Founders that own one of the
 * ranges already (a formation that was interrupted) keep it. Null if slots are owned in any other way:
 * that is no formation.
 */
export function assignSlots(
  founders: readonly Founder[],
  masters: number,
): Map<number, SlotRange> | null {
  const assigned = new Map<number, SlotRange>()
  const free: SlotRange[] = []
  for (const range of evenRanges(masters)) {
    const owner = founders.find(founder => sameRanges(founder.slots, range))
    if (owner) assigned.set(owner.ordinal, range)
    else free.push(range)
  }
  const owners = founders.filter(founder => founder.slots.length > 0)
  if (owners.length !== assigned.size) return null
  const others = founders.filter(founder => founder.slots.length === 0)
  const chosen = chooseMasters(owners, others, free.length)
  if (chosen.length < free.length) return null
  chosen.forEach((pod, i) => assigned.set(pod.ordinal, free[i] ?? [0, 0]))
  return assigned
}
