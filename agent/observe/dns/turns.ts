/** Runs work now, or when its turn comes. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** Lets at most `limit` pieces of work run at a time, the others after them in their order. */
export function createTurns(limit: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0
  return async work => {
    // Whoever ends hands its place on, so that nobody can slip in before those who wait.
    if (running < limit) running++
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
