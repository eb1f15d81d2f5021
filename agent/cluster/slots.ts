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

/** The slots of any of the ranges, as the fewest ranges in ascending order. */
export function union(ranges: readonly SlotRange[]): SlotRange[] {
  const merged: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else merged.push([first, last])
  }
  return merged
}

/** The slots of `from` that `without` does not hold. */
export function subtract(from: readonly SlotRange[], without: readonly SlotRange[]): SlotRange[] {
  const holes = union(without)
  return union(from).flatMap(([first, last]): SlotRange[] => {
    const left: SlotRange[] = []
    let next = first
    for (const [from, to] of holes) {
      if (to < next || from > last) continue
      if (from > next) left.push([next, from - 1])
      next = to + 1
    }
    if (next <= last) left.push([next, last])
    return left
  })
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
