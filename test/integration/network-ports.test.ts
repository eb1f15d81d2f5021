import t from 'tap'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { agentStatus } from '../helper/formation.ts'
import {
  assertHealed,
  foreignDeeds,
  shardsOf,
  startInNetwork,
  untilViewIs,
} from '../helper/network-cluster.ts'
import { breakNetwork, healNetwork, withoutBus, withoutHttp } from '../helper/network-faults.ts'
import { inOwnNetwork } from '../helper/network-namespace.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { HEAL_MS } from './heal-cluster.ts'

t.setTimeout(900_000)

inOwnNetwork(import.meta.filename, () => {
  for (const server of serversFor('network-ports.test.ts')) {
    const skip = skipWithout(server)

    void t.test(`${server}: a master's bus port is cut off`, { skip }, async t => {
      const broken = await startInNetwork(t, { server })
      const { cluster } = broken
      const shard = (await shardsOf(cluster))[1]
      if (!shard) throw new Error('there are no three shards')
      const { master, replica } = shard
      const others = cluster.pods.filter(pod => pod !== master)

      breakNetwork(withoutBus([master], others))
      await untilViewIs(cluster, replica, 'master ok')
      await untilViewIs(cluster, master, 'master fail')
      // Two servers say now that they own the same slots, and every agent can ask both.
      await until(async () => (await agentStatus(cluster, 0))?.pods.length === 6, {
        what: 'the coordinator sees all pods',
        deadlineMs: HEAL_MS,
      })

      healNetwork()
      await clusterIsHealthy(cluster, HEAL_MS)
      await untilViewIs(cluster, master, 'slave ok')
      await assertHealed(t, broken, "a master's bus port was cut off")
    })
  }

  for (const server of serversFor('network-ports.test.ts', 1)) {
    const skip = skipWithout(server)

    void t.test(`${server}: nobody reaches the coordinator's agent`, { skip }, async t => {
      const broken = await startInNetwork(t, { server, kubernetes: 'on' })
      const { cluster, witness, deeds } = broken
      const coordinator = cluster.pod(0)
      const others = cluster.pods.filter(pod => pod !== coordinator)
      const holder = () => JSON.stringify(cluster.api.lease()?.['spec'] ?? {})
      t.match(holder(), new RegExp(`"${coordinator.name}_`), 'it holds the Lease')

      breakNetwork(withoutHttp(coordinator, others))
      await until(async () => (await agentStatus(cluster, 1))?.isCoordinator, {
        what: 'the next agent would coordinate',
        deadlineMs: HEAL_MS,
      })
      // There is something to do for whoever coordinates: a new id joins, the old one is forgotten.
      const lost = (await shardsOf(cluster)).find(({ replica }) => replica !== coordinator)?.replica
      if (!lost) throw new Error('there is no replica')
      await cluster.delete([lost.name], { force: true, wipe: true })
      await clusterIsHealthy(cluster, HEAL_MS)
      t.match(holder(), new RegExp(`"${coordinator.name}_`), 'it holds the Lease still')
      t.ok(
        deeds().some(({ by }) => by === coordinator.name),
        'it did what was to be done',
      )
      t.strictSame(foreignDeeds(deeds(), others), [], 'nobody else did')

      healNetwork()
      await until(async () => (await agentStatus(cluster, 1))?.isCoordinator === false, {
        what: 'the next agent stands back',
        deadlineMs: HEAL_MS,
      })
      await witness.untilAllAcknowledge(HEAL_MS)
      t.strictSame(await witness.lost(), [], 'every acknowledged key is there')
    })
  }
})
