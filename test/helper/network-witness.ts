import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import type { Pod } from '../../local/pod.ts'
import { connectionTo } from '../../local/redis-call.ts'
import { until } from './until.ts'
import { clientOf } from './writers.ts'

/** One hash tag in each third of the slots: 1584, 5649 and 13907. */
const TAGS = ['3', '2', '0']
const EVERY_MS = 100
const WAIT_MS = '500'

/** A client that goes on writing, whatever happens, and knows what must not get lost. */
export type Witness = {
  /** How many keys a replica acknowledged by WAIT. */
  readonly acknowledged: () => number
  /** Waits until writes to each third of the slots are acknowledged by a replica (again). */
  readonly untilAllAcknowledge: (deadlineMs: number) => Promise<void>
  /** Ends it, and gives the acknowledged keys that the cluster does not have any more. */
  readonly lost: () => Promise<string[]>
}

/**
 * Writes to every server by itself, not only to the one that should own a slot: two owners would
 * both acknowledge. A write counts only if a replica acknowledged it too.
 */
export function startWitness(t: Test, cluster: LocalCluster): Witness {
  const kept = new Map<string, string[]>(TAGS.map(tag => [tag, []]))
  const stopping = new AbortController()
  const { signal } = stopping

  async function write(redis: Redis, tag: string, key: string): Promise<void> {
    // Both in one write: nothing may come between the two.
    const [written, copies] = await Promise.allSettled([
      redis.set(key, key),
      redis.call('WAIT', '1', WAIT_MS),
    ])
    const isKept = written.status === 'fulfilled' && copies.status === 'fulfilled'
    if (isKept && Number(copies.value) >= 1) kept.get(tag)?.push(key)
  }

  async function writeTo(pod: Pod): Promise<void> {
    let redis: Redis | null = null
    for (let round = 0; !signal.aborted; round++) {
      if (redis?.status !== 'ready') {
        redis?.disconnect()
        redis = connectionTo(pod.address, pod.env)
        await redis.connect().catch(() => undefined)
      }
      for (const tag of TAGS) await write(redis, tag, `{${tag}}:${pod.name}:${round}`)
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
    }
    redis?.disconnect()
  }

  const counts = () => TAGS.map(tag => kept.get(tag)?.length ?? 0)
  const done = Promise.all(cluster.pods.map(writeTo))
  // Before the cluster ends, also where the test failed: nothing else would end this process.
  t.teardown(async () => {
    stopping.abort()
    await done
  })
  return {
    acknowledged: () => counts().reduce((sum, count) => sum + count, 0),
    async untilAllAcknowledge(deadlineMs) {
      const before = counts()
      await until(() => counts().every((count, i) => count > (before[i] ?? 0)), {
        what: 'a replica acknowledges writes to each third of the slots',
        deadlineMs,
      })
    },
    async lost() {
      stopping.abort()
      await done
      const client = clientOf(cluster)
      try {
        const keys = [...kept.values()].flat()
        const values = await Promise.all(keys.map(key => client.get(key)))
        return keys.filter((key, i) => values[i] !== key)
      } finally {
        client.disconnect()
      }
    },
  }
}
