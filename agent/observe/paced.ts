/**
 * Does the work for each item, in order of the items, about `limit` at a time. One that takes
 * longer than `slowMs` waits for someone else and costs no CPU: its place goes to the next, so that
 * many silent peers delay nobody.
 */
export async function paced<T, R>(
  items: readonly T[],
  { limit, slowMs }: { readonly limit: number; readonly slowMs: number },
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: Promise<R>[] = []
  const begin = async (queue: Iterator<T>): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const result = work(next.value)
      results.push(result)
      await settledOrLate(result, slowMs)
    }
  }
  const queue = items.values()
  await Promise.all(Array.from({ length: limit }, () => begin(queue)))
  return Promise.all(results)
}

async function settledOrLate(work: Promise<unknown>, lateMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, lateMs)
  })
  // What fails is reported by whoever awaits the results.
  await Promise.race([
    late,
    work.then(
      () => {},
      () => {},
    ),
  ])
  clearTimeout(timer)
}
