import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Pod } from './pod.ts'

const LOOK_EVERY_MS = 200
const MOST_BYTES = 64 * 1024

/** Fields that say what the reader sees already. */
const plain = new Set(['level', 'time', 'pod', 'event', 'msg', 'pid', 'hostname'])

function describeFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([name, value]) => !plain.has(name) && value !== null && value !== '')
    .map(([name, value]) =>
      name === 'because' || name === 'action'
        ? String(value)
        : `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(', ')
}

/** A line of an agent's log as a person reads it; null for what is no news. */
export function storyLine(pod: string, line: string): string | null {
  if (line.trim() === '') return null
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(line) as Record<string, unknown>
  } catch {
    return `${pod}: ${line}`
  }
  if (fields['level'] === 'debug' || fields['level'] === 'trace') return null
  const more = describeFields(fields)
  return `${pod}: ${String(fields['msg'])}${more ? `: ${more}` : ''}`
}

/** Reads what a file has gained since the last look. */
class Tail {
  readonly #path: string
  #read = 0
  #rest = ''

  constructor(path: string) {
    this.#path = path
    this.#read = this.#size()
  }

  lines(): string[] {
    const size = this.#size()
    if (size <= this.#read) return []
    const buffer = Buffer.alloc(Math.min(size - this.#read, MOST_BYTES))
    const file = openSync(this.#path, 'r')
    const length = readSync(file, buffer, 0, buffer.length, this.#read)
    closeSync(file)
    this.#read += length
    const parts = (this.#rest + buffer.toString('utf8', 0, length)).split('\n')
    this.#rest = parts.pop() ?? ''
    return parts
  }

  #size(): number {
    try {
      const file = openSync(this.#path, 'r')
      const { size } = fstatSync(file)
      closeSync(file)
      return size
    } catch {
      return 0
    }
  }
}

/** Tells what the agents of the pods log, until the signal aborts. */
export function tellStory(
  pods: () => readonly Pod[],
  tell: (line: string) => void,
  signal: AbortSignal,
): void {
  const tails = new Map<string, Tail>()
  const look = () => {
    for (const pod of pods()) {
      const tail = tails.get(pod.name) ?? new Tail(pod.logOf('agent'))
      tails.set(pod.name, tail)
      for (const line of tail.lines()) {
        const told = storyLine(pod.name, line)
        if (told !== null) tell(told)
      }
    }
  }
  look()
  const timer = setInterval(look, LOOK_EVERY_MS)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
