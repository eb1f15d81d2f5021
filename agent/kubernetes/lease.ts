import { messageOf } from '../errors.ts'
import type { Api, LeaseFacts, LeaseRecord } from './api.ts'
import { apiErrorKind } from './api-error.ts'
import { pause } from './pause.ts'

/** Whom it was given to is about to give it back, or is dead: ask more often for this long. */
const HURRY_MS = 10_000

/** What the lease lives by. Milliseconds, on the monotonic clock unless the name says otherwise. */
export type LeaseOptions = {
  /** Who we are: must differ between two pods of one name, so it holds the pod's uid. */
  readonly holder: string
  /** How long a record must stand unchanged, as the observer sees it, before it counts as expired. */
  readonly durationMs?: number
  readonly renewMs?: number
  /** How long after the start of the last good renewal the holder may still act. */
  readonly deadlineMs?: number
  readonly nowMs: () => number
  /** The clock that people read; written into the record, never compared. */
  readonly wallMs?: () => number
  /** Told of every call of the campaign that failed. */
  readonly onFailure?: (error: unknown) => void
}

export type LeaseStatus = {
  readonly held: boolean
  /** Who holds it as far as we know; empty if nobody does. */
  readonly holder: string
  readonly because: string
}

export type Leadership = {
  /** Whether an action may be started now. */
  readonly mayAct: () => boolean
  readonly status: () => LeaseStatus
  /** Whether we want the lease; one that is not wanted any more is released. */
  readonly want: (wanted: boolean) => void
  /** One try to gain or keep it. Throws what the API throws. */
  readonly attempt: (signal: AbortSignal) => Promise<void>
  /** Gives it back, so that the next one need not wait. */
  readonly release: (signal: AbortSignal) => Promise<void>
  /** Gains, keeps and releases as wanted until the signal; then releases and returns. */
  readonly campaign: (signal: AbortSignal) => Promise<void>
}

type Observed = { readonly record: LeaseFacts; readonly sinceMs: number }

const sameRecord = (a: LeaseFacts, b: LeaseFacts): boolean =>
  a.version === b.version && a.holder === b.holder && a.renewedAtMs === b.renewedAtMs

/**
 * Leadership by a Lease: at most one holder acts at any time.
 *
 * Why two never act together: the holder stops `deadlineMs` after the *start* of its last good
 * renewal; anybody else waits `durationMs` after it *saw* the record that this renewal wrote. Both
 * measure on their own monotonic clock, and the second period is longer and starts later, so that no
 * two clocks need to agree. What a record says of the time is for people.
 */
export function createLeadership(api: Api, options: LeaseOptions): Leadership {
  const { holder, nowMs, wallMs = Date.now } = options
  const { durationMs = 6000, renewMs = 2000, deadlineMs = 4000 } = options
  let observed: Observed | null = null
  let renewedMs = -Infinity
  let held = false
  let because = 'this agent does not ask for the lease'
  // A write whose answer was lost may have been done: read before the next one.
  let uncertain = false
  let wanted = false
  let wantedSinceMs = -Infinity
  let wake = new AbortController()

  const mayAct = (): boolean => held && nowMs() < renewedMs + deadlineMs

  const lose = (reason: string): void => {
    held = false
    because = reason
  }

  function observe(record: LeaseFacts): Observed {
    if (observed === null || !sameRecord(observed.record, record))
      observed = { record, sinceMs: nowMs() }
    return observed
  }

  /** Writes the record as ours by `write`; a conflict means that somebody else was faster. */
  async function take(write: (record: LeaseRecord) => Promise<LeaseFacts>): Promise<void> {
    const startedMs = nowMs()
    const before = observed?.record
    const ours = before?.holder === holder
    const now = wallMs()
    const record: LeaseRecord = {
      holder,
      durationSeconds: Math.ceil(durationMs / 1000),
      acquiredAtMs: ours ? before.acquiredAtMs : now,
      renewedAtMs: now,
      transitions: before ? before.transitions + (ours ? 0 : 1) : 0,
    }
    try {
      uncertain = true
      observe(await write(record))
      uncertain = false
      renewedMs = startedMs
      held = true
      because = 'this agent holds the lease'
    } catch (error) {
      if (apiErrorKind(error) !== 'conflict') throw error
      lose('another agent was faster')
    }
  }

  async function attempt(signal: AbortSignal): Promise<void> {
    if (held && observed && !uncertain) {
      const { version } = observed.record
      await take(record => api.replaceLease(record, version, signal))
      return
    }
    const read = await api.readLease(signal)
    const other = otherHolder(read === 'gone' ? observed : observe(read))
    if (other !== null) {
      lose(other)
      return
    }
    if (read === 'gone') observed = null
    await take(record =>
      read === 'gone'
        ? api.createLease(record, signal)
        : api.replaceLease(record, read.version, signal),
    )
  }

  /**
   * Who else may still act, as a sentence; null if nobody may. A Lease that somebody deleted does not
   * end its holder's right before its time.
   */
  function otherHolder(seen: Observed | null): string | null {
    if (seen === null || seen.record.holder === '' || seen.record.holder === holder) return null
    const lastsMs = Math.max(durationMs, seen.record.durationSeconds * 1000)
    return nowMs() < seen.sinceMs + lastsMs ? `${seen.record.holder} holds the lease` : null
  }

  async function release(signal: AbortSignal): Promise<void> {
    const record = observed?.record
    const mine = held && record
    held = false
    if (!mine) return
    because = 'this agent gave the lease back'
    observed = null
    const now = wallMs()
    await api.replaceLease(
      { ...record, holder: '', durationSeconds: 1, renewedAtMs: now },
      record.version,
      signal,
    )
  }

  /** One step of the campaign; how long to wait for the next one. */
  async function step(signal: AbortSignal): Promise<number> {
    try {
      // Half a deadline at most: a renewal that hangs leaves time for another one.
      const boxed = within(deadlineMs / 2, signal)
      try {
        if (wanted) await attempt(boxed.signal)
        else await release(boxed.signal)
      } finally {
        boxed.done()
      }
      const hurries = wanted && !held && nowMs() - wantedSinceMs < HURRY_MS
      return hurries ? renewMs / 4 : renewMs
    } catch (error) {
      options.onFailure?.(error)
      because = messageOf(error)
      if (!mayAct()) held = false
      // Hurry only while there is something to lose: an API that is away for an hour is left alone.
      return held ? renewMs / 8 : renewMs
    }
  }

  return {
    mayAct,
    status: () => ({ held: mayAct(), holder: observed?.record.holder ?? '', because }),
    want: next => {
      if (next === wanted) return
      wanted = next
      wantedSinceMs = nowMs()
      wake.abort()
    },
    attempt,
    release,
    campaign: async signal => {
      while (!signal.aborted) {
        wake = new AbortController()
        const waitMs = await step(signal)
        await pause(waitMs, [signal, wake.signal])
      }
      wanted = false
      await step(new AbortController().signal)
    },
  }
}

/** A signal that ends after `ms` or with the other one; `done` lets go of both. */
function within(ms: number, signal: AbortSignal): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  const timer = setTimeout(end, ms)
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    },
  }
}
