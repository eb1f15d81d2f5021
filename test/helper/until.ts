import { setTimeout as sleep } from 'node:timers/promises'

export type UntilOptions = {
  readonly what: string
  readonly deadlineMs?: number
  readonly everyMs?: number
}

const shown = (value: unknown): string => {
  if (value instanceof Error) return value.message
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text === undefined ? String(value) : text.slice(0, 4000)
}

/**
 * Asks until the answer is true-ish, and gives it.
 * @throws after the deadline, with the last answer or the last error.
 */
export async function until<T>(
  ask: () => T | Promise<T>,
  { what, deadlineMs = 60_000, everyMs = 100 }: UntilOptions,
): Promise<NonNullable<T>> {
  const startedMs = performance.now()
  let last: unknown
  do {
    try {
      const answer = await ask()
      if (answer) return answer
      last = answer
    } catch (error) {
      last = error
    }
    await sleep(everyMs)
  } while (performance.now() - startedMs < deadlineMs)
  throw new Error(`not within ${deadlineMs} ms: ${what}; at last: ${shown(last)}`)
}

/** Asks until the answer passes the check, and gives it; the error shows the last answer. */
export async function untilIs<T>(
  ask: () => T | Promise<T>,
  isGood: (answer: T) => boolean,
  options: UntilOptions,
): Promise<T> {
  let last: { answer: T } | { error: unknown } | null = null
  try {
    const { answer } = await until(async () => {
      last = await Promise.resolve(ask()).then(
        answer => ({ answer }),
        (error: unknown) => ({ error }),
      )
      return 'answer' in last && isGood(last.answer) ? last : null
    }, options)
    return answer
  } catch (error) {
    throw new Error(
      `${(error as Error).message.replace(/; at last: .*$/s, '')}; at last: ${shown(lastOf(last))}`,
      { cause: error },
    )
  }
}

const lastOf = (last: { answer?: unknown; error?: unknown } | null): unknown =>
  last && 'error' in last ? last.error : last?.answer
