import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { countSlots } from '../../agent/cluster/slots.ts'
import type { Status } from '../../agent/server/status.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { get } from '../../local/http-get.ts'
import { HTTP_PORT } from '../../local/pod.ts'
import type { ClusterStatus } from '../../local/status.ts'
import { clusterIsHealthy } from './cluster.ts'
import { clientPath, type ServerName } from './servers.ts'
import { until, untilIs } from './until.ts'

const run = promisify(execFile)
/** Far longer than any formation takes: a machine may be busy with something else. */
export const DEADLINE_MS = 90_000

/** What an agent says; null while it does not. */
export async function agentStatus(
  cluster: LocalCluster,
  which: number | string,
): Promise<Status | null> {
  const response = await get(cluster.pod(which).address, HTTP_PORT, '/status', 5000)
  return response?.status === 200 ? (JSON.parse(response.body) as Status) : null
}

/** What the agents that coordinate say of the cluster; more than one while DNS hides the others. */
export async function coordinatorsSay(cluster: LocalCluster): Promise<string[]> {
  const all = await Promise.all(cluster.pods.map(({ name }) => agentStatus(cluster, name)))
  return all.flatMap(status =>
    status?.isCoordinator ? [`${status.state}: ${status.because}`] : [],
  )
}

/** Waits until one that coordinates gives that reason. */
export const untilReason = (cluster: LocalCluster, reason: RegExp): Promise<string[]> =>
  untilIs(
    () => coordinatorsSay(cluster),
    said => said.some(one => reason.test(one)),
    { what: `the coordinator says ${reason}`, deadlineMs: DEADLINE_MS },
  )

/** Every slot that the servers themselves say they own, and how many nodes each knows. */
export async function whatServersKnow(
  cluster: LocalCluster,
  pods = cluster.pods,
): Promise<{ pod: string; slots: number; nodes: number }[]> {
  return Promise.all(
    pods.map(async ({ name }) => {
      const nodes = parseNodes(String(await cluster.command(name, 'CLUSTER', 'NODES')))
      const own = nodes.find(node => node.flags.has('myself'))
      return { pod: name, slots: countSlots(own?.slots ?? []), nodes: nodes.length }
    }),
  )
}

/** Nobody was given a slot and nobody met anybody, as the servers say once they all answer. */
export async function isUntouched(
  t: Test,
  cluster: LocalCluster,
  what: string,
  pods = cluster.pods,
): Promise<void> {
  const answers = await until(() => whatServersKnow(cluster, pods), {
    what: 'every server answers',
    deadlineMs: DEADLINE_MS,
  })
  t.strictSame(
    answers.filter(({ slots, nodes }) => slots > 0 || nodes > 1),
    [],
    `${what}: nothing is created`,
  )
}

/** Every agent is alive and none was ever started again. */
export async function agentsLive(t: Test, cluster: LocalCluster, what: string): Promise<void> {
  for (const { name, address, agent } of cluster.pods) {
    const livez = () => get(address, HTTP_PORT, '/livez', 5000)
    await until(async () => (await livez())?.status === 200, {
      what: `${what}: the agent of ${name} is alive`,
      deadlineMs: DEADLINE_MS,
    })
    t.equal(agent.restarts, 0, `${what}: the agent of ${name} was never started again`)
  }
}

/** Waits for a healthy cluster whose settings are what they were before it formed. */
export async function formed(cluster: LocalCluster): Promise<ClusterStatus> {
  await clusterIsHealthy(cluster, DEADLINE_MS)
  const timeout = cluster.options.env['NODE_TIMEOUT_MS'] ?? '5000'
  const wanted = ['cluster-node-timeout', timeout, 'repl-diskless-sync-delay', '0'].join()
  await until(
    async () => {
      const lines = await Promise.all(
        cluster.pods.map(async ({ name }) => {
          const one = (setting: string) => cluster.command(name, 'CONFIG', 'GET', setting)
          const found = [await one('cluster-node-timeout'), await one('repl-diskless-sync-delay')]
          return found.flat().join()
        }),
      )
      return lines.every(line => line === wanted) || Promise.reject(new Error(lines.join('; ')))
    },
    { what: 'every server has its settings back', deadlineMs: DEADLINE_MS },
  )
  return clusterIsHealthy(cluster, DEADLINE_MS)
}

/** Three masters with a third of the slots each, and a replica of each on another node. */
export async function formedAsThreeShards(
  t: Test,
  cluster: LocalCluster,
  what: string,
): Promise<ClusterStatus> {
  // A master without slots is healthy too: it waits for an agent that is just started again.
  await untilIs(
    () => cluster.status(),
    ({ pods }) => pods.filter(({ role }) => role === 'master').length === 3,
    { what: `${what}: there are three masters`, deadlineMs: DEADLINE_MS },
  )
  const status = await formed(cluster)
  const masters = status.pods.filter(({ role }) => role === 'master')
  t.strictSame(
    masters.map(({ slots }) => countSlots(slots)).sort(numerically),
    [5461, 5461, 5462],
    `${what}: three masters share the slots`,
  )
  const copies = status.pods.filter(({ role }) => role === 'replica')
  t.strictSame(
    copies.map(({ shard }) => shard ?? -1).sort(numerically),
    masters.map(({ shard }) => shard ?? -1).sort(numerically),
    `${what}: each has a replica`,
  )
  for (const copy of copies) {
    const master = masters.find(({ shard }) => shard === copy.shard)
    t.not(
      cluster.pod(copy.name).env['NODE_NAME'],
      master && cluster.pod(master.name).env['NODE_NAME'],
      `${what}: ${copy.name} is not on its master's node`,
    )
  }
  return status
}

/** What the server's own tool says of the cluster; it ends with an error unless all is well. */
export async function checkByTool(cluster: LocalCluster, server: ServerName): Promise<string> {
  const address = `${cluster.pod(0).address}:6379`
  const { stdout } = await run(clientPath(server), ['--cluster', 'check', address])
  return stdout
}

/** Starts every pod; the servers are blank and stay so, for DNS lacks a pod and then fails. */
export async function startBlank(cluster: LocalCluster): Promise<void> {
  const last = `redis-cluster-${cluster.replicas - 1}`
  cluster.dns.setFault(last, { kind: 'absent' })
  cluster.start()
  await until(async () => (await whatServersKnow(cluster)).length === cluster.replicas, {
    what: 'every server answers',
    deadlineMs: DEADLINE_MS,
  })
  await makeBlank(cluster)
  cluster.dns.setFault(last, null)
}

/** Makes every server as new, while the agents cannot see each other. */
export async function makeBlank(cluster: LocalCluster): Promise<void> {
  cluster.dns.setFault('all', { kind: 'servfail' })
  await until(async () => (await coordinatorsSay(cluster)).length === cluster.pods.length, {
    what: 'every agent is on its own',
    deadlineMs: DEADLINE_MS,
  })
  await until(
    async () => {
      const known = await whatServersKnow(cluster)
      const left = known.filter(({ slots, nodes }) => slots > 0 || nodes > 1)
      for (const { pod } of left) await cluster.command(pod, 'CLUSTER', 'RESET', 'HARD')
      return left.length === 0
    },
    { what: 'every server is blank', deadlineMs: DEADLINE_MS },
  )
}

const numerically = (a: number, b: number): number => a - b
