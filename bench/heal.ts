import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { parseNodes } from '../agent/cluster/nodes.ts'
import { agentOfImage } from '../local/agent-command.ts'
import { LocalCluster } from '../local/cluster.ts'
import { findServer } from '../local/find-server.ts'
import { connectionTo } from '../local/redis-call.ts'
import { median, summary } from './statistics.ts'

/**
 * All pods of a 3+3 cluster restart at once, each with a new address: milliseconds until every node
 * says ok, is linked to all others and, as a replica, to its master. It is timed from the last server
 * process (after its start gate), and from the last server container (before it); with DNS that still
 * names the old addresses for 3 s from the moment it is right. Beside it the same servers on the same
 * files without agents.
 */
const { values } = parseArgs({
  options: {
    server: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '20' },
    alone: { type: 'string', default: '30' },
  },
})
const PODS = 6
const LATE_MS = 3000
const DEADLINE_MS = 120_000
const LOOK_MS = 10

type Node = { readonly name: string; readonly address: string }

/** Whether this node and all that it says of the others is as it should be. */
async function isGood(redis: Redis): Promise<boolean> {
  const [[, info], [, text], [, replication]] = (await redis
    .pipeline()
    .cluster('INFO')
    .cluster('NODES')
    .info('replication')
    .exec()) as [[unknown, string], [unknown, string], [unknown, string]]
  const nodes = parseNodes(text)
  return (
    info.includes('cluster_state:ok') &&
    info.includes('cluster_slots_ok:16384') &&
    nodes.length === PODS &&
    nodes.every(node => node.flags.has('myself') || node.linked) &&
    nodes.every(({ flags }) => !flags.has('fail') && !flags.has('fail?') && !flags.has('noaddr')) &&
    (/^role:master/m.test(replication) || /^master_link_status:up/m.test(replication))
  )
}

/** When this node was good first, by the clock of `performance`; NaN after the deadline. */
async function goodAt(node: Node, deadlineMs: number): Promise<number> {
  const untilMs = performance.now() + deadlineMs
  let redis = connectionTo(node.address, {})
  try {
    for (; performance.now() < untilMs; await sleep(LOOK_MS)) {
      if (redis.status === 'wait' || redis.status === 'end') {
        redis.disconnect()
        redis = connectionTo(node.address, {})
        await redis.connect().catch(() => undefined)
      }
      if (redis.status === 'ready' && (await isGood(redis).catch(() => false)))
        return performance.now()
    }
    return Number.NaN
  } finally {
    redis.disconnect()
  }
}

const allGoodAt = async (nodes: readonly Node[], deadlineMs = DEADLINE_MS): Promise<number> =>
  Math.max(...(await Promise.all(nodes.map(node => goodAt(node, deadlineMs)))))

/** Whether the process has become something else than the shell of the start gate. */
function isServer(pid: number): boolean {
  try {
    return !/^(da|ba|)sh$|busybox/.test(basename(readlinkSync(`/proc/${pid}/exe`)))
  } catch {
    return false
  }
}

type Spawned = { readonly containerMs: number; readonly processMs: number }

/** When the last pod's server container started, and when its gate let the server itself start. */
async function serversSpawned(cluster: LocalCluster): Promise<Spawned> {
  const times = await Promise.all(
    cluster.pods.map(async pod => {
      let pid: number | undefined
      while ((pid = pod.server.process?.pid) === undefined) await sleep(2)
      const containerMs = performance.now()
      while (!isServer(pid)) await sleep(2)
      return { containerMs, processMs: performance.now() }
    }),
  )
  return {
    containerMs: Math.max(...times.map(({ containerMs }) => containerMs)),
    processMs: Math.max(...times.map(({ processMs }) => processMs)),
  }
}

type Round = { readonly fromProcess: number; readonly fromContainer: number }

async function restart(cluster: LocalCluster): Promise<Round> {
  await cluster.restartAll()
  const [spawned, goodMs] = await Promise.all([serversSpawned(cluster), allGoodAt(cluster.pods)])
  return { fromProcess: goodMs - spawned.processMs, fromContainer: goodMs - spawned.containerMs }
}

/** DNS answers with the old addresses until 3 s after the last server process was spawned. */
async function restartWithLateDns(cluster: LocalCluster): Promise<number> {
  for (const { name, address } of cluster.pods)
    cluster.dns.setFault(name, { kind: 'stale', address })
  await cluster.restartAll()
  const good = allGoodAt(cluster.pods)
  await serversSpawned(cluster)
  await sleep(LATE_MS)
  for (const { name } of cluster.pods) cluster.dns.setFault(name, null)
  const rightMs = performance.now()
  return (await good) - rightMs
}

/** The servers alone, on the files of the cluster and with new addresses; NaN if it never heals. */
async function restartAlone(cluster: LocalCluster, server: string): Promise<number> {
  const names = cluster.pods.map(({ name }) => name)
  await Promise.all(names.map(name => cluster.endPod(name)))
  const nodes = names.map(name => ({ name, address: cluster.network.take() }))
  const children: ChildProcess[] = nodes.map(({ name, address }) =>
    spawn(
      server,
      Object.entries({
        bind: address,
        port: '6379',
        dir: cluster.folders.volume(name),
        appendonly: 'yes',
        'protected-mode': 'no',
        'repl-diskless-sync-delay': '0',
        'cluster-enabled': 'yes',
        'cluster-config-file': 'nodes.conf',
        'cluster-node-timeout': '5000',
        'cluster-require-full-coverage': 'no',
        'cluster-announce-ip': address,
      }).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: 'ignore' },
    ),
  )
  const spawnedMs = performance.now()
  try {
    return (await allGoodAt(nodes, Number(values.alone) * 1000)) - spawnedMs
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

async function measure(server: string): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'heal-'))
  const cluster = await LocalCluster.create({
    dir,
    server,
    pods: PODS,
    agent: await agentOfImage(),
  })
  const rounds: Round[] = []
  const late: number[] = []
  try {
    cluster.start()
    await allGoodAt(cluster.pods)
    for (let round = 0; round < Number(values.rounds); round++) {
      rounds.push(await restart(cluster))
      late.push(await restartWithLateDns(cluster))
    }
    const alone = await restartAlone(cluster, server)
    const healed = Number.isNaN(alone) ? `not within ${values.alone} s` : `${Math.round(alone)} ms`
    const figures = [
      `from the last server process ${summary(rounds.map(({ fromProcess }) => fromProcess))} ms`,
      `from the last container ${summary(rounds.map(({ fromContainer }) => fromContainer))} ms`,
      `DNS 3 s late, from then on ${summary(late)} ms`,
      `without agents ${healed}`,
    ]
    console.log(`${server}  ${rounds.length} rounds\n  ${figures.join('\n  ')}`)
    const reached = median(rounds.map(({ fromProcess }) => fromProcess)) <= 2500
    console.log(
      `  goal: 2500 ms and 2000 ms: ${reached && median(late) <= 2000 ? '' : 'not '}reached`,
    )
  } finally {
    await cluster.stop(0)
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

for (const server of values.server ?? [findServer(undefined)]) await measure(server)
