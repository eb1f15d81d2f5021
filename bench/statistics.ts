/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** `812 [640-1203]`: median, least and most, rounded. */
export const summary = (values: readonly number[]): string =>
  values.length === 0
    ? '-'
    : `${Math.round(median(values))} [${Math.round(Math.min(...values))}-${Math.round(Math.max(...values))}]`
