import t from 'tap'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { untilReason } from '../helper/formation.ts'
import {
  assertHealed,
  foreignDeeds,
  shardsOf,
  startInNetwork,
  untilViewIs,
} from '../helper/network-cluster.ts'
import { apart, breakNetwork, deaf, healNetwork } from '../helper/network-faults.ts'
import { inOwnNetwork } from '../helper/network-namespace.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { HEAL_MS } from './heal-cluster.ts'

t.setTimeout(900_000)

inOwnNetwork(import.meta.filename, () => {
  for (const server of serversFor('network-partition.test.ts')) {
    const skip = skipWithout(server)

    void t.test(`${server}: a minority with the coordinator is cut off`, { skip }, async t => {
      const broken = await startInNetwork(t, { server })
      const { cluster, deeds } = broken
      const [first, second] = await shardsOf(cluster)
      if (!first || !second) throw new Error('there are no three shards')
      const minority = [first.master, second.replica]
      const majority = cluster.pods.filter(pod => !minority.includes(pod))
      t.equal(first.master, cluster.pod(0), 'the minority has the coordinator')

      breakNetwork(apart(minority, majority))
      // The vote of the majority's masters is the servers' own, and right.
      for (const pod of [first.replica, second.master]) await untilViewIs(cluster, pod, 'master ok')
      await untilViewIs(cluster, first.master, 'master fail')
      await untilViewIs(cluster, second.replica, 'slave fail')
      await untilReason(cluster, /too few for a vote/)
      t.strictSame(foreignDeeds(deeds(), minority), [], 'the minority does nothing')

      healNetwork()
      await clusterIsHealthy(cluster, HEAL_MS)
      await untilViewIs(cluster, first.master, 'slave ok')
      await untilViewIs(cluster, first.replica, 'master ok')
      await assertHealed(t, broken, 'a minority was cut off')
    })
  }

  for (const server of serversFor('network-partition.test.ts', 1)) {
    const skip = skipWithout(server)

    void t.test(`${server}: a master hears the others and is not heard`, { skip }, async t => {
      const broken = await startInNetwork(t, { server })
      const { cluster } = broken
      const shard = (await shardsOf(cluster))[1]
      if (!shard) throw new Error('there are no three shards')
      const { master, replica } = shard
      const others = cluster.pods.filter(pod => pod !== master)

      breakNetwork([deaf([master], others)])
      await untilViewIs(cluster, replica, 'master ok')
      await untilViewIs(cluster, master, 'master fail')

      healNetwork()
      await clusterIsHealthy(cluster, HEAL_MS)
      await untilViewIs(cluster, master, 'slave ok')
      await assertHealed(t, broken, 'one direction was cut')
    })
  }
})
