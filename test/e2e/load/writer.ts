import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from 'ioredis'

export type Lost = { readonly key: string; readonly atMs: number }

/** A pause between two writes keeps the load small: the suite measures gaps, not throughput. */
const everyMs = 20
const batch = 200

/** Hash tags whose slots lie in the middle of 12 equal parts of the key space, or near. */
export const tags: readonly string[] = 't3 t54 t61 t2 t55 t60 t1 t56 t63 t0 t57 t62'.split(' ')

/**
 * Writes one new key after the other into one slot, and remembers each that was acknowledged. A write
 * that failed is not written again: nobody knows whether it was done.
 */
export class Writer {
  readonly #cluster: Cluster
  readonly #tag: string
  readonly #acknowledgedAt = new Map<number, number>()
  #next = 0
  #lastAckMs = performance.now()
  #longestMs = 0
  #running = false
  #loop: Promise<void> = Promise.resolve()
  #since = 0
  failed = 0

  constructor(cluster: Cluster, tag: string) {
    this.#cluster = cluster
    this.#tag = tag
  }

  get everAcknowledged(): number {
    return this.#acknowledgedAt.size
  }

  /** Since the last mark. */
  get acknowledged(): number {
    return this.#acknowledgedAt.size - this.#since
  }

  sinceMs(): number {
    return performance.now() - this.#lastAckMs
  }

  longestGapMs(): number {
    return Math.max(this.#longestMs, this.#running ? this.sinceMs() : 0)
  }

  mark(): void {
    this.#since = this.#acknowledgedAt.size
    this.#longestMs = 0
    this.failed = 0
  }

  resume(): void {
    if (this.#running) return
    this.#running = true
    this.#lastAckMs = performance.now()
    this.#loop = this.#write()
  }

  async pause(): Promise<void> {
    this.#running = false
    await this.#loop
  }

  #key(n: number): string {
    return `{${this.#tag}}${n}`
  }

  async #write(): Promise<void> {
    while (this.#running) {
      const n = this.#next
      this.#next += 1
      try {
        await this.#cluster.set(this.#key(n), n)
        const nowMs = performance.now()
        this.#acknowledgedAt.set(n, nowMs)
        this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastAckMs)
        this.#lastAckMs = nowMs
      } catch {
        this.failed += 1
      }
      await sleep(everyMs)
    }
  }

  /** Acknowledged keys that are not there, or have another value. */
  async findLost(): Promise<Lost[]> {
    const all = [...this.#acknowledgedAt]
    const lost: Lost[] = []
    for (let from = 0; from < all.length; from += batch) {
      const part = all.slice(from, from + batch)
      const values = await this.#read(part.map(([n]) => this.#key(n)))
      for (const [i, [n, atMs]] of part.entries())
        if (values[i] !== String(n)) lost.push({ key: this.#key(n), atMs })
    }
    return lost
  }

  async #read(keys: string[]): Promise<(string | null)[]> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await this.#cluster.mget(keys)
      } catch (error) {
        if (attempt === 20) throw error
        await sleep(500)
      }
  }
}
