import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { agentOfImage } from '../local/agent-command.ts'
import { LocalCluster } from '../local/cluster.ts'
import { clientOf, findServer } from '../local/find-server.ts'
import { connectionTo } from '../local/redis-call.ts'
import { median, summary } from './statistics.ts'

/**
 * Formation by the agents, interleaved with `redis-cli --cluster create` on the same kind of servers:
 * milliseconds until state ok on all nodes and every replica linked. For the agents it is timed from
 * the moment DNS names the last pod, for redis-cli from its start; servers (and agents) are up for
 * more than 2.5 s by then.
 */
const { values } = parseArgs({
  options: {
    server: { type: 'string', multiple: true },
    pods: { type: 'string', default: '6,30' },
    rounds: { type: 'string', default: '5' },
  },
})
const UP_MS = 3000
const DEADLINE_MS = 180_000

/** Whether this node says ok, knows all and, as a replica, is linked. */
async function isDone(redis: Redis, pods: number): Promise<boolean> {
  const [[, info], [, replication]] = (await redis
    .pipeline()
    .cluster('INFO')
    .info('replication')
    .exec()) as [[unknown, string], [unknown, string]]
  return (
    info.includes('cluster_state:ok') &&
    info.includes('cluster_slots_assigned:16384') &&
    info.includes(`cluster_known_nodes:${pods}\r`) &&
    (/^role:master/m.test(replication)
      ? /^connected_slaves:[1-9]/m.test(replication)
      : /^master_link_status:up/m.test(replication))
  )
}

/** Milliseconds from `startedMs` until all nodes are done; a node that is done is not asked again. */
async function timeUntilDone(cluster: LocalCluster, startedMs: number): Promise<number> {
  const pods = cluster.pods
  const connections = pods.map(pod => connectionTo(pod.address, pod.env))
  try {
    await Promise.all(connections.map(redis => redis.connect()))
    let left = connections
    while (left.length > 0) {
      const done = await Promise.all(
        left.map(redis => isDone(redis, pods.length).catch(() => false)),
      )
      left = left.filter((_, i) => !done[i])
      if (performance.now() - startedMs > DEADLINE_MS) return Number.NaN
      if (left.length > 0) await sleep(pods.length > 30 ? 50 : 10)
    }
    return performance.now() - startedMs
  } finally {
    for (const redis of connections) redis.disconnect()
  }
}

async function withCluster<T>(
  server: string,
  pods: number,
  work: (cluster: LocalCluster) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'form-'))
  const cluster = await LocalCluster.create({
    dir,
    server,
    pods,
    agent: await agentOfImage(),
    env: { NODE_TIMEOUT_MS: '15000', LOG_LEVEL: 'warn' },
  })
  try {
    cluster.dns.setFault(`redis-cluster-${pods - 1}`, { kind: 'absent' })
    cluster.start()
    await allAnswer(cluster, pods)
    await sleep(UP_MS)
    return await work(cluster)
  } finally {
    await cluster.stop(0)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Until every server and every agent answers. */
async function allAnswer(cluster: LocalCluster, pods: number): Promise<void> {
  for (;;) {
    const { pods: seen } = await cluster.status()
    if (seen.filter(pod => pod.nodeId !== null).length === pods) return
    await sleep(500)
  }
}

const byAgents = (server: string, pods: number): Promise<number> =>
  withCluster(server, pods, async cluster => {
    cluster.dns.setFault(`redis-cluster-${pods - 1}`, null)
    return timeUntilDone(cluster, performance.now())
  })

/** The agents are stopped first, so that nobody helps. */
const byClient = (server: string, pods: number): Promise<number> =>
  withCluster(server, pods, async cluster => {
    for (const pod of cluster.pods) await pod.agent.stop(0)
    const startedMs = performance.now()
    const create = spawn(
      clientOf(server),
      [
        '--cluster',
        'create',
        ...cluster.pods.map(({ address }) => `${address}:6379`),
        '--cluster-replicas',
        '1',
        '--cluster-yes',
      ],
      { stdio: 'ignore' },
    )
    const ended = once(create, 'exit')
    const time = await timeUntilDone(cluster, startedMs)
    await ended
    return time
  })

const servers = values.server ?? [findServer(undefined)]
for (const server of servers)
  for (const pods of values.pods.split(',').map(Number)) {
    const agents: number[] = []
    const client: number[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      agents.push(await byAgents(server, pods))
      client.push(await byClient(server, pods))
    }
    const ratio = (median(client) / median(agents)).toFixed(1)
    console.log(
      `${server}  ${pods} pods  agents ${summary(agents)} ms  redis-cli ${summary(client)} ms  ratio ${ratio}`,
    )
  }
