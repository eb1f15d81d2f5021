import t from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { allKeys, writeKeys } from '../helper/writers.ts'
import { assertKept, HEAL_MS, idsOf, isWritten, KEYS, startWithKeys } from './heal-cluster.ts'

t.setTimeout(900_000)

const endAll = (cluster: LocalCluster): Promise<unknown> =>
  Promise.all(cluster.pods.map(({ name }) => cluster.endPod(name)))

for (const server of serversFor('heal-swap.test.ts', 1))
  void t.test(
    `${server}: two clusters that swap their addresses stay two`,
    { skip: skipWithout(server) },
    async t => {
      // The pods of both have the same names: only the node ids tell whose they are.
      const { cluster: one, ids } = await startWithKeys(t, { server })
      const { cluster: two, ids: otherIds } = await startWithKeys(t, { server })
      await writeKeys(one, KEYS, 'one')
      await writeKeys(two, KEYS, 'two')
      await Promise.all([isWritten(one), isWritten(two)])
      t.notOk(
        (await idsOf(one)).some(id => otherIds.includes(id)),
        'they are two',
      )

      const addresses = [one, two].map(({ pods }) => pods.map(({ address }) => address))
      await Promise.all([endAll(one), endAll(two)])
      for (let ordinal = 0; ordinal < one.replicas; ordinal++) {
        one.startPod(ordinal, addresses[1]?.[ordinal])
        two.startPod(ordinal, addresses[0]?.[ordinal])
      }

      await assertKept(t, one, { what: 'the first cluster', ids })
      await assertKept(t, two, { what: 'the second cluster', ids: otherIds })
      for (const [cluster, own, foreign] of [
        [one, 'one:', 'two:'],
        [two, 'two:', 'one:'],
      ] as const) {
        await clusterIsHealthy(cluster, HEAL_MS)
        const keys = await allKeys(cluster)
        t.equal(keys.filter(key => key.startsWith(own)).length, KEYS, `all of ${own}`)
        t.notOk(
          keys.some(key => key.startsWith(foreign)),
          `nothing of ${foreign}`,
        )
      }
    },
  )
