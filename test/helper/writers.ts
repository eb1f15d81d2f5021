import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import type { LocalCluster } from '../../local/cluster.ts'

/** A client of the cluster as an application has one. */
export function clientOf(cluster: LocalCluster, pods = cluster.pods): Cluster {
  const client = new Cluster(
    pods.map(({ address }) => ({ host: address, port: 6379 })),
    {
      redisOptions: { connectTimeout: 2000, protocol: 2 },
      clusterRetryStrategy: () => 100,
      slotsRefreshTimeout: 2000,
      retryDelayOnFailover: 100,
      maxRedirections: 100,
    },
  )
  client.on('error', () => undefined)
  return client
}

/** Writes `key:0` .. `key:<count - 1>`, each with its own name as the value. */
export async function writeKeys(cluster: LocalCluster, count: number, key = 'key'): Promise<void> {
  const client = clientOf(cluster)
  try {
    await Promise.all(
      Array.from({ length: count }, (_, i) => client.set(`${key}:${i}`, `${key}:${i}`)),
    )
  } finally {
    client.disconnect()
  }
}

/** Which of the keys of `writeKeys` are missing or have another value. */
export async function missingKeys(
  cluster: LocalCluster,
  count: number,
  key = 'key',
): Promise<string[]> {
  const client = clientOf(cluster)
  try {
    const keys = Array.from({ length: count }, (_, i) => `${key}:${i}`)
    const values = await Promise.all(keys.map(name => client.get(name)))
    return keys.filter((name, i) => values[i] !== name)
  } finally {
    client.disconnect()
  }
}

/** Every key of every master, as the servers themselves list them. */
export async function allKeys(cluster: LocalCluster): Promise<string[]> {
  const { pods } = await cluster.status()
  const masters = pods.filter(({ role }) => role === 'master')
  const lists = await Promise.all(
    masters.map(({ name }) => cluster.command(name, 'KEYS', '*') as Promise<string[]>),
  )
  return lists.flat().sort()
}

export type Writer = {
  /** Keys whose write was acknowledged. */
  readonly acknowledged: readonly string[]
  readonly failed: readonly string[]
  /** Ends it, and gives the longest time between two acknowledged writes, in milliseconds. */
  stop(): Promise<number>
}

/** Writes one key after the other until it is stopped. */
export function startWriter(cluster: LocalCluster, key = 'written'): Writer {
  const client = clientOf(cluster)
  const acknowledged: string[] = []
  const failed: string[] = []
  const stopping = new AbortController()
  let longestMs = 0
  const run = async () => {
    let lastMs = performance.now()
    for (let i = 0; !stopping.signal.aborted; i++) {
      const name = `${key}:${i}`
      try {
        await client.set(name, name)
        acknowledged.push(name)
        longestMs = Math.max(longestMs, performance.now() - lastMs)
        lastMs = performance.now()
      } catch {
        failed.push(name)
      }
      await sleep(2)
    }
    client.disconnect()
    return longestMs
  }
  const done = run()
  return {
    acknowledged,
    failed,
    stop: () => {
      stopping.abort()
      return done
    },
  }
}
