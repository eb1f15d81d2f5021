import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { assertKept, HEAL_MS, isWritten, startWithKeys } from './heal-cluster.ts'

t.setTimeout(900_000)

const ROUNDS = testsAll() ? 8 : 1
/** Longer than a heal takes: agents die before the gate, at it, while they meet and after. */
const KILLING_MS = 5000

/** Kills an agent after the other, each time another one, in the middle of whatever it does. */
async function killAgents(cluster: LocalCluster): Promise<number> {
  const untilMs = performance.now() + KILLING_MS
  let killed = 0
  while (performance.now() < untilMs) {
    const pods = cluster.pods.filter(({ agent }) => agent.process)
    const pod = pods[Math.floor(Math.random() * pods.length)]
    if (pod) cluster.kill(pod.name, 'agent')
    if (pod) killed++
    await sleep(Math.random() * 500)
  }
  return killed
}

for (const server of serversFor('heal-agents.test.ts')) {
  const skip = skipWithout(server)

  void t.test(
    `${server}: agents die in the middle of a heal`,
    { skip, timeout: 800_000 },
    async t => {
      const { cluster, ids } = await startWithKeys(t, { server })
      t.setTimeout(800_000)
      for (let round = 1; round <= ROUNDS; round++) {
        await isWritten(cluster)
        const restarted = cluster.restartAll({ force: round % 2 === 0 })
        const killed = await killAgents(cluster)
        await restarted
        await assertKept(t, cluster, { what: `round ${round}, ${killed} agents killed`, ids })
      }
    },
  )

  void t.test(`${server}: what a dead agent has lowered is put back`, { skip }, async t => {
    const { cluster, ids } = await startWithKeys(t, { server })
    const lowered = ['cluster-node-timeout', '2000', 'cluster-replica-no-failover', 'yes']
    // Stopped first, or a living agent would put it back before it dies.
    for (const { name } of cluster.pods) cluster.kill(name, 'agent', 'SIGSTOP')
    for (const { name } of cluster.pods) await cluster.command(name, 'CONFIG', 'SET', ...lowered)
    for (const { name, agent } of cluster.pods) {
      const starts = agent.restarts
      cluster.kill(name, 'agent')
      await until(() => agent.restarts > starts, {
        what: `the agent of ${name} is started again`,
        deadlineMs: HEAL_MS,
      })
    }
    await clusterIsHealthy(cluster, HEAL_MS)
    await assertKept(t, cluster, { what: 'all agents killed', ids })
  })
}
