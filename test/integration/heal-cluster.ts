import type { Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy, startCluster, type TestClusterOptions } from '../helper/cluster.ts'
import { until } from '../helper/until.ts'
import { missingKeys, writeKeys } from '../helper/writers.ts'

/** Enough that every master has some hundred of them. */
export const KEYS = 300

const NODE_TIMEOUT_MS = 5000

/** A slow machine may need this long for what is done in three seconds. */
export const HEAL_MS = 90_000

export type Started = {
  readonly cluster: LocalCluster
  /** Node ids by ordinal. */
  readonly ids: readonly (string | null)[]
}

/** A healthy cluster with keys that every copy of their shard has, on disk as well. */
export async function startWithKeys(t: Test, options: TestClusterOptions): Promise<Started> {
  const cluster = await startCluster(t, options)
  await clusterIsHealthy(cluster, HEAL_MS)
  await fillWithKeys(cluster)
  return { cluster, ids: await idsOf(cluster) }
}

/** Writes the keys that `assertKept` looks for. */
export async function fillWithKeys(cluster: LocalCluster): Promise<void> {
  await writeKeys(cluster, KEYS)
  await isWritten(cluster)
}

export const idsOf = async (cluster: LocalCluster): Promise<(string | null)[]> =>
  (await cluster.status()).pods.map(({ nodeId }) => nodeId)

const infoOf = async (cluster: LocalCluster, pod: number | string): Promise<Map<string, string>> =>
  new Map(
    String(await cluster.command(pod, 'INFO'))
      .split('\r\n')
      .map(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1)] as const
      }),
  )

/**
 * Waits until the append-only files have everything, and the replicas what their masters have: what
 * is killed after that has lost nothing that it should have.
 */
export async function isWritten(cluster: LocalCluster, pods = cluster.pods): Promise<void> {
  for (const { name } of pods)
    await until(
      async () => {
        const info = await infoOf(cluster, name)
        const isOnDisk =
          info.get('aof_enabled') === '0' ||
          (info.get('aof_buffer_length') === '0' && info.get('aof_pending_bio_fsync') === '0')
        const offset = info.get('master_repl_offset')
        const inSync =
          info.get('role') === 'slave'
            ? info.get('master_link_status') === 'up'
            : Number(info.get('connected_slaves')) > 0 &&
              String(info.get('slave0')).includes(`state=online,offset=${offset},`)
        return isOnDisk && inSync
      },
      { what: `${name} and its copies have every key, on disk too`, deadlineMs: HEAL_MS },
    )
}

/** Waits until every server has the settings back that a heal may change for a while. */
export async function settingsAreBack(cluster: LocalCluster): Promise<void> {
  for (const { name } of cluster.pods)
    await until(
      async () => {
        const [timeout, guard] = await Promise.all([
          cluster.command(name, 'CONFIG', 'GET', 'cluster-node-timeout'),
          cluster.command(name, 'CONFIG', 'GET', 'cluster-replica-no-failover'),
        ])
        return String(timeout).endsWith(`,${NODE_TIMEOUT_MS}`) && String(guard).endsWith(',no')
      },
      { what: `${name} has its node-timeout back and may take over`, deadlineMs: HEAL_MS },
    )
}

export type Kept = {
  readonly what: string
  /** The ids that every pod must have; none are checked if it is left out. */
  readonly ids?: Started['ids']
}

/** The cluster heals; every id, key and setting is as it was. */
export async function assertKept(
  t: Test,
  cluster: LocalCluster,
  { what, ids }: Kept,
): Promise<void> {
  const status = await clusterIsHealthy(cluster, HEAL_MS)
  if (ids)
    t.strictSame(
      status.pods.map(({ nodeId }) => nodeId),
      ids,
      `${what}: every pod has its node id`,
    )
  t.equal(status.pods.filter(({ role }) => role === 'master').length, 3, `${what}: three masters`)
  t.strictSame(await missingKeys(cluster, KEYS), [], `${what}: every key is there`)
  await settingsAreBack(cluster)
}
