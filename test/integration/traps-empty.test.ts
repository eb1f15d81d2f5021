import t, { type Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { assertKept, HEAL_MS, idsOf, isWritten, startWithKeys } from './heal-cluster.ts'
import { bareServers, formBare } from './traps-servers.ts'

// Each trap twice: on servers alone it destroys data, beside the agents it does not.

t.setTimeout(900_000)

const cache = ['--appendonly', 'no']
const durable = ['--appendonly', 'yes', '--appendfsync', 'always']

/** A master loses its volume and comes back at the same address, which its replica dials all the time. */
async function loseVolume(t: Test, cluster: LocalCluster): Promise<void> {
  const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
  const master = pods.find(({ role }) => role === 'master')
  if (!master) throw new Error('there is no master')
  await cluster.endPod(master.name, { force: true, wipe: true })
  cluster.startPod(master.name, master.ip)
  await until(
    async () => {
      const id = (await idsOf(cluster))[master.ordinal]
      return typeof id === 'string' && id !== master.nodeId
    },
    { what: 'it has a new id', deadlineMs: HEAL_MS },
  )
  await assertKept(t, cluster, { what: `${master.name} without its volume` })
}

for (const server of serversFor('traps-empty.test.ts')) {
  const skip = skipWithout(server)
  /** Valkey 9 takes a node of another id at its master's address for what it is. */
  const asksWhoItIs = server === 'valkey9'

  void t.test(
    `${server} alone: a master that restarts empty empties its replica`,
    { skip },
    async t => {
      const { servers } = await bareServers(t, server, 4, cache)
      const [master, , , replica] = servers
      if (!master || !replica) throw new Error('four servers are needed')
      await formBare(servers)
      await master.fill(50, 'key')
      await until(async () => (await replica.keys()) === 50, { what: 'the replica has the keys' })
      await master.kill()
      await master.start()
      await until(async () => (await replica.isLinked()) && (await replica.keys()) === 0, {
        what: 'the replica copies the empty master',
      })
      t.equal(await master.keys(), 0, 'no key is left anywhere')
    },
  )

  void t.test(
    `${server}: a master that restarts empty lets its replica take over`,
    { skip },
    async t => {
      const { cluster, ids } = await startWithKeys(t, {
        server,
        redisConf: 'appendonly no\nsave ""\n',
      })
      const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
      for (const { name } of pods.filter(({ role }) => role === 'master').slice(0, 2)) {
        const { server: container } = cluster.pod(name)
        const starts = container.restarts
        cluster.kill(name, 'server')
        await until(() => container.restarts > starts, {
          what: `the server of ${name} starts again`,
        })
        await assertKept(t, cluster, { what: `${name} without its data`, ids })
        await isWritten(cluster)
      }
    },
  )

  void t.test(
    `${server} alone: a replica copies whoever has its master's address`,
    { skip: skip || (asksWhoItIs && 'Valkey 9 does not') },
    async t => {
      const { servers, another } = await bareServers(t, server, 4, durable)
      const [master, , , replica] = servers
      if (!master || !replica) throw new Error('four servers are needed')
      await formBare(servers)
      await master.fill(50, 'key')
      await until(async () => (await replica.keys()) === 50, { what: 'the replica has the keys' })
      await replica.kill('SIGTERM')
      await master.kill()
      const stranger = another(0)
      await stranger.start()
      await replica.start()
      await until(async () => (await replica.keys()) === 0, {
        what: 'the replica that comes back copies the stranger',
      })
      t.equal(await stranger.keys(), 0, 'no key is left anywhere')
    },
  )

  void t.test(
    `${server}: a replica never copies a blank server at its master's address`,
    { skip },
    async t => {
      const { cluster } = await startWithKeys(t, { server })
      const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
      const master = pods.find(({ role }) => role === 'master')
      const replica = pods.find(({ role, shard }) => role === 'replica' && shard === master?.shard)
      const other = pods.find(({ role, shard }) => role === 'replica' && shard !== master?.shard)
      if (!master || !replica || !other) throw new Error('the cluster has another form')
      const keys = await cluster.command(replica.name, 'DBSIZE')
      await cluster.endPod(replica.name)
      await cluster.endPod(master.name)
      await cluster.endPod(other.name, { wipe: true })
      // A blank server at the address that the replica remembers.
      cluster.startPod(other.name, master.ip)
      await until(() => cluster.command(other.name, 'PING'), {
        what: 'the stranger answers',
        deadlineMs: HEAL_MS,
      })
      cluster.startPod(replica.name)
      await until(
        async () =>
          (await cluster.command(replica.name, 'DBSIZE')) === keys && cluster.pod(replica.name),
        { what: 'the replica has its keys', deadlineMs: HEAL_MS },
      )
      const from = /^master_host:(.*)\r$/m.exec(
        String(await cluster.command(replica.name, 'INFO', 'replication')),
      )
      t.not(from?.[1], master.ip, 'it does not ask there')
      cluster.startPod(master.name)
      await assertKept(t, cluster, { what: 'with the master back' })
      await isWritten(cluster)
      await loseVolume(t, cluster)
    },
  )

  void t.test(
    `${server} alone: a replica copies its master that lost its volume`,
    { skip: skip || (asksWhoItIs && 'Valkey 9 does not') },
    async t => {
      const { servers, another } = await bareServers(t, server, 4, durable)
      const [master, , , replica] = servers
      if (!master || !replica) throw new Error('four servers are needed')
      await formBare(servers)
      await master.fill(50, 'key')
      await until(async () => (await replica.keys()) === 50, { what: 'the replica has the keys' })
      await master.kill()
      await another(0).start()
      await until(async () => (await replica.keys()) === 0, {
        what: 'the replica copies the blank server',
      })
      t.pass('no key is left anywhere')
    },
  )
}
