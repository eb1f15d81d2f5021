import { apiErrorKind } from './api-error.ts'
import type { Api, EventObject } from './api.ts'

/** The closed list of reasons, with their types. API: people and alerts select by them. */
export const eventReasons = {
  Formed: 'Normal',
  Joined: 'Normal',
  MasterReplaced: 'Normal',
  ReplicaAttached: 'Normal',
  Forgotten: 'Normal',
  Paused: 'Normal',
  Resumed: 'Normal',
  Recovered: 'Normal',
  ForeignNode: 'Warning',
  MajorityLost: 'Warning',
  TakenOver: 'Warning',
  ShardLost: 'Warning',
  DataLossAccepted: 'Warning',
  BadAnnotation: 'Warning',
  Blocked: 'Warning',
} as const satisfies Readonly<Record<string, 'Normal' | 'Warning'>>

/** One of the names in `eventReasons`. */
export type EventReason = keyof typeof eventReasons

/** Recorded anew, counted on the one before, or left out because of too many on one object. */
export type Told = 'recorded' | 'counted' | 'limited'

export type EventRecorder = {
  readonly tell: (
    object: EventObject,
    reason: EventReason,
    message: string,
    signal: AbortSignal,
  ) => Promise<Told>
}

type Entry = { readonly name: string; count: number; lastMs: number }
type Bucket = { tokens: number; atMs: number }

/** As client-go's recorder: an event told again within ten minutes is counted, not made anew. */
const repeatWithinMs = 600_000
/** As client-go's spam filter: 25 at once, then one in five minutes, for each object. */
const burst = 25
const refillMs = 300_000
/** Entries of objects that are gone leave when this many newer ones came. */
const remembered = 500

/** The longest note that events.k8s.io allows. */
const longestMessage = 1024

/**
 * Records core/v1 events. The same (object, reason, message) is counted on the event there is, and a
 * bucket for each object keeps a flapping cluster from filling the API.
 */
export function createEventRecorder(
  api: Pick<Api, 'recordEvent' | 'repeatEvent'>,
  clocks: { readonly nowMs: () => number; readonly wallMs?: () => number },
): EventRecorder {
  const { nowMs, wallMs = Date.now } = clocks
  const entries = new Map<string, Entry>()
  const buckets = new Map<string, Bucket>()
  let serial = 0

  function mayTell(object: string): boolean {
    const now = nowMs()
    const bucket = buckets.get(object) ?? { tokens: burst, atMs: now }
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.atMs) / refillMs)
    bucket.atMs = now
    trim(buckets)
    buckets.set(object, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  async function record(
    key: string,
    object: EventObject,
    reason: EventReason,
    message: string,
    signal: AbortSignal,
  ): Promise<Told> {
    serial += 1
    const atMs = wallMs()
    const name = `${object.name}.${atMs.toString(16)}${serial.toString(16).padStart(4, '0')}`
    trim(entries)
    entries.set(key, { name, count: 1, lastMs: nowMs() })
    try {
      await api.recordEvent(
        { name, object, type: eventReasons[reason], reason, message, atMs },
        signal,
      )
    } catch (error) {
      entries.delete(key)
      throw error
    }
    return 'recorded'
  }

  return {
    tell: async (object, reason, text, signal) => {
      const message = text.slice(0, longestMessage)
      const about = `${object.kind}/${object.name}/${object.uid}`
      const key = `${about}/${reason}/${message}`
      if (!mayTell(about)) return 'limited'
      const entry = entries.get(key)
      if (!entry || nowMs() - entry.lastMs > repeatWithinMs)
        return record(key, object, reason, message, signal)
      entry.count += 1
      entry.lastMs = nowMs()
      try {
        await api.repeatEvent(entry.name, entry.count, wallMs(), signal)
        return 'counted'
      } catch (error) {
        // Events live for an hour; one that is gone by now is made anew.
        if (apiErrorKind(error) !== 'gone') throw error
        return record(key, object, reason, message, signal)
      }
    },
  }
}

/** Keeps the newest; a Map lists its keys in the order in which they came. */
function trim(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size < remembered) return
    map.delete(key)
  }
}
