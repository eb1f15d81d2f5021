/** How many hash slots a cluster has; fixed in the protocol. */
export const SLOT_COUNT = 16384

/** First and last slot, both inclusive. */
export type SlotRange = readonly [first: number, last: number]

/** How many slots the ranges hold. */
export const countSlots = (ranges: readonly SlotRange[]): number =>
  ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)

/** Every slot of the ranges, one by one. */
export function* eachSlot(ranges: readonly SlotRange[]): Generator<number> {
  for (const [first, last] of ranges) for (let slot = first; slot <= last; slot++) yield slot
}

/** The fewest ranges that hold just these slots, in ascending order. */
export function rangesOf(slots: Iterable<number>): SlotRange[] {
  const sorted = [...new Set(slots)].sort((a, b) => a - b)
  const ranges: [number, number][] = []
  for (const slot of sorted) {
    const last = ranges.at(-1)
    if (last && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

/** The slots of `from` that `without` does not hold. */
export function subtract(from: readonly SlotRange[], without: readonly SlotRange[]): SlotRange[] {
  const gone = new Set(eachSlot(without))
  return rangesOf([...eachSlot(from)].filter(slot => !gone.has(slot)))
}

/** All slots cut into `parts` neighbouring ranges, no two of which differ by more than one slot. */
export function evenRanges(parts: number): SlotRange[] {
  return Array.from({ length: parts }, (_, i) => [
    Math.floor((i * SLOT_COUNT) / parts),
    Math.floor(((i + 1) * SLOT_COUNT) / parts) - 1,
  ])
}

/** As Redis writes them: `0-5460 5462`. */
export const describeSlots = (ranges: readonly SlotRange[]): string =>
  ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ')
