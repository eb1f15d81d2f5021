import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Pod } from './pod.ts'
import { storyLines } from './story-line.ts'

const LOOK_EVERY_MS = 200
const MOST_BYTES = 64 * 1024

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
      for (const line of storyLines(tail.lines())) tell(`${pod.name}: ${line}`)
    }
  }
  look()
  const timer = setInterval(look, LOOK_EVERY_MS)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
