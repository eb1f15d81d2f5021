import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { assertHealed, startInNetwork } from '../helper/network-cluster.ts'
import { breakNetwork, delayNetwork, dialMs, healNetwork, lossy } from '../helper/network-faults.ts'
import { inOwnNetwork } from '../helper/network-namespace.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { HEAL_MS } from './heal-cluster.ts'

t.setTimeout(900_000)

/** How long the network stays bad: three node-timeouts, so that whatever goes wrong by them has. */
const BAD_MS = 15_000

inOwnNetwork(import.meta.filename, () => {
  for (const server of serversFor('network-quality.test.ts')) {
    const skip = skipWithout(server)

    void t.test(`${server}: 30 % of all packets are lost`, { skip }, async t => {
      const broken = await startInNetwork(t, { server })
      breakNetwork(lossy(broken.cluster.pods, 30))
      await sleep(BAD_MS)
      // Masters may be voted out meanwhile; agents must not have a part in it.
      healNetwork()
      await clusterIsHealthy(broken.cluster, HEAL_MS)
      await assertHealed(t, broken, 'packets were lost')
    })
  }

  for (const server of serversFor('network-quality.test.ts', 1)) {
    const skip = skipWithout(server)

    void t.test(`${server}: every packet is 500 ms late`, { skip }, async t => {
      const broken = await startInNetwork(t, { server })
      const heal = await delayNetwork(t, broken.cluster.pods, 500)
      if (typeof heal === 'string') {
        await t.test('packets are late', { skip: heal }, () => undefined)
        return
      }
      const [one, other] = broken.cluster.pods
      if (!one || !other) throw new Error('there are no two pods')
      t.ok((await dialMs(one, other)) > 900, 'packets are late')
      await sleep(BAD_MS)
      heal()
      await clusterIsHealthy(broken.cluster, HEAL_MS)
      await assertHealed(t, broken, 'packets were late')
    })
  }
})
