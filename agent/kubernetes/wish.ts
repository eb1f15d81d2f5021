import { SLOT_COUNT, type SlotRange } from '../cluster/slots.ts'
import type { Texts } from './api.ts'

/** Annotations of the StatefulSet by which a person says what is wanted. */
export const mastersAnnotation = 'redis-cluster-agent/masters'
export const pausedAnnotation = 'redis-cluster-agent/paused'
export const acceptDataLossAnnotation = 'redis-cluster-agent/accept-data-loss'

/** What a person asked for by annotations; `ignored` names every value that means nothing. */
export type AnnotationWish = {
  readonly masters: number | null
  readonly paused: boolean
  /**
   * Slots whose data may be given up. It names slots, not "yes": an annotation that was left behind
   * must not accept the next loss too.
   */
  readonly acceptDataLoss: readonly SlotRange[] | null
  readonly ignored: readonly string[]
}

function parseMasters(value: string): number | null {
  const masters = /^\d{1,4}$/.test(value) ? Number(value) : 0
  return masters >= 3 && masters <= 1000 ? masters : null
}

const parsePaused = (value: string): boolean | null =>
  value === 'true' ? true : value === 'false' ? false : null

function parseSlots(value: string): SlotRange[] | null {
  const ranges: SlotRange[] = []
  for (const word of value.trim().split(/[\s,]+/)) {
    const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(word) ?? []
    if (from === undefined) return null
    const range: SlotRange = [Number(from), Number(to ?? from)]
    if (range[0] > range[1] || range[1] >= SLOT_COUNT) return null
    ranges.push(range)
  }
  return ranges
}

/** The wish that the annotations express; a value that is none is left out, with the reason. */
export function readWish(annotations: Texts): AnnotationWish {
  const ignored: string[] = []
  function read<T>(
    name: string,
    allowed: string,
    parse: (value: string) => T | null,
    fallback: T,
  ): T {
    const value = annotations[name]
    if (value === undefined) return fallback
    const parsed = parse(value)
    if (parsed !== null) return parsed
    ignored.push(`annotation ${name} is ${JSON.stringify(value)}; allowed: ${allowed}`)
    return fallback
  }
  return {
    masters: read<number | null>(
      mastersAnnotation,
      'a whole number from 3 to 1000',
      parseMasters,
      null,
    ),
    paused: read(pausedAnnotation, 'true, false', parsePaused, false),
    acceptDataLoss: read<readonly SlotRange[] | null>(
      acceptDataLossAnnotation,
      'slots as in "0-5460 5462"',
      parseSlots,
      null,
    ),
    ignored,
  }
}
