import t from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { assertKept, HEAL_MS, idsOf, isWritten, startWithKeys } from './heal-cluster.ts'
import { port } from './redis-process.ts'
import { bareServers, formBare } from './traps-servers.ts'

t.setTimeout(900_000)

const KEYS = 60

/** Several questions of each agent's loops about every pod. */
const QUESTIONS = 300

const tablesOf = async (cluster: LocalCluster): Promise<string> =>
  (
    await Promise.all(cluster.pods.map(({ name }) => cluster.command(name, 'CLUSTER', 'NODES')))
  ).join('\n')

for (const server of serversFor('traps-meet.test.ts', 1)) {
  const skip = skipWithout(server)

  void t.test(
    `${server} alone: one MEET makes one cluster of two, and keys are lost`,
    { skip },
    async t => {
      const { servers } = await bareServers(t, server, 6)
      const one = servers.slice(0, 3)
      const two = servers.slice(3)
      await formBare(one)
      await formBare(two)
      for (const master of servers) await master.fill(KEYS, one.includes(master) ? 'one' : 'two')
      await one[0]?.command('CLUSTER', 'MEET', two[0]?.address ?? '', `${port}`)
      // Who lost its slots copies the winner; keys count where a master has them.
      await until(
        async () => {
          const roles = await Promise.all(
            servers.map(async master => ({
              isMaster: /^role:master/m.test(String(await master.command('INFO', 'replication'))),
              keys: await master.keys(),
            })),
          )
          const left = roles.reduce((sum, { isMaster, keys }) => sum + (isMaster ? keys : 0), 0)
          return left < servers.length * KEYS
        },
        { what: 'keys are lost', deadlineMs: HEAL_MS },
      )
      t.pass('not every key is left')
    },
  )

  void t.test(
    `${server}: two clusters do not meet when DNS names the other's pods`,
    { skip },
    async t => {
      const { cluster: one, ids } = await startWithKeys(t, { server })
      const { cluster: two, ids: otherIds } = await startWithKeys(t, { server })
      await Promise.all([isWritten(one), isWritten(two)])
      for (const { name, address } of two.pods) one.dns.setFault(name, { kind: 'stale', address })
      await one.restartAll()
      await until(async () => (await idsOf(one)).every(id => id !== null), {
        what: 'the servers of the first cluster have started',
        deadlineMs: HEAL_MS,
      })
      const asked = one.dns.questions
      await until(() => one.dns.questions > asked + QUESTIONS, {
        what: 'its agents look for each other, and find the other cluster',
        deadlineMs: HEAL_MS,
      })
      const [tables, otherTables] = await Promise.all([tablesOf(one), tablesOf(two)])
      t.notOk(
        otherIds.some(id => tables.includes(String(id))),
        'the first knows none of the second',
      )
      t.notOk(
        ids.some(id => otherTables.includes(String(id))),
        'nor the second any of the first',
      )
      for (const { name } of one.pods) one.dns.setFault(name, null)
      await clusterIsHealthy(one, HEAL_MS)
      await assertKept(t, one, { what: 'the first cluster', ids })
      await assertKept(t, two, { what: 'the second cluster', ids: otherIds })
    },
  )
}
