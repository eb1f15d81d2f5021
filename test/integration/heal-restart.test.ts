import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy, startCluster } from '../helper/cluster.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import {
  assertKept,
  fillWithKeys,
  HEAL_MS,
  idsOf,
  isWritten,
  startWithKeys,
} from './heal-cluster.ts'

t.setTimeout(900_000)

/** Together with the three servers of `npm run test:all` a hundred and two. */
const ROUNDS = Number(process.env['HEAL_ROUNDS'] ?? (testsAll() ? 34 : 2))
const MOST_DELAY_MS = 1500

const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map(one => ({ one, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one)

/** Ends all pods, then starts them in any order, each some time after the one before. */
async function restartInAnyOrder(cluster: LocalCluster, force: boolean): Promise<void> {
  const names = cluster.pods.map(({ name }) => name)
  await Promise.all(names.map(name => cluster.endPod(name, { force })))
  for (const name of shuffled(names)) {
    cluster.startPod(name)
    await sleep((Math.random() * MOST_DELAY_MS) / names.length)
  }
}

/** Every server comes back with its id although nobody can be found, and the cluster heals then. */
async function restartWithoutDns(t: Test, cluster: LocalCluster): Promise<void> {
  const ids = await idsOf(cluster)
  cluster.dns.setFault('all', { kind: 'servfail' })
  await cluster.restartAll()
  await until(async () => (await idsOf(cluster)).every(id => id !== null), {
    what: 'every server has started',
    deadlineMs: HEAL_MS,
  })
  t.strictSame(await idsOf(cluster), ids, 'without DNS: the servers have their ids')
  cluster.dns.setFault('all', null)
  await clusterIsHealthy(cluster, HEAL_MS)
  t.strictSame(await idsOf(cluster), ids, 'once DNS answers: the cluster heals')
}

for (const server of serversFor('heal-restart.test.ts')) {
  const skip = skipWithout(server)

  void t.test(
    `${server}: all pods restart with new addresses, ${ROUNDS} times`,
    { skip, timeout: 850_000 },
    async t => {
      const cluster = await startCluster(t, { server })
      t.setTimeout(850_000)
      await clusterIsHealthy(cluster, HEAL_MS)
      // Without a key first: an empty master must not take its empty files for lost data.
      await restartWithoutDns(t, cluster)
      const ids = await idsOf(cluster)
      await fillWithKeys(cluster)
      for (let round = 1; round <= ROUNDS; round++) {
        if (round % 2 === 1) await cluster.restartAll()
        else await restartInAnyOrder(cluster, round % 4 === 0)
        await assertKept(t, cluster, { what: `round ${round}`, ids })
        await isWritten(cluster)
      }
    },
  )

  void t.test(`${server}: restarts that are not all at once`, { skip }, async t => {
    const { cluster, ids } = await startWithKeys(t, { server })

    const all = cluster.pods.map(({ name }) => name)
    await cluster.delete(all.slice(0, -1))
    await assertKept(t, cluster, { what: 'all but one', ids })
    await isWritten(cluster)

    await cluster.restartAll({ permute: true })
    await assertKept(t, cluster, { what: 'each has the address of another', ids })
    await isWritten(cluster)

    await cluster.scale(0)
    t.equal(cluster.pods.length, 0)
    await cluster.scale(6)
    await assertKept(t, cluster, { what: 'from none to six', ids })
    await isWritten(cluster)

    await cluster.restartAll({ force: true })
    await assertKept(t, cluster, { what: 'all killed with their volumes intact', ids })
    await clusterIsHealthy(cluster)
  })
}
