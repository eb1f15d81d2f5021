import t from 'tap'
import { pausedAnnotation } from '../../agent/kubernetes/wish.ts'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { clusterIsHealthy, startCluster } from '../helper/cluster.ts'
import { agentStatus } from '../helper/formation.ts'
import { eventCounts, execAgent, page, PATIENCE_MS, untilRounds } from '../helper/kubernetes.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(600_000)

const PAUSED_METRIC = /^redis_cluster_agent_paused 1$/m

for (const server of serversFor('kubernetes-pause.test.ts')) {
  const skip = skipWithout(server)
  void t.test(`${server}: paused, and resumed`, { skip, timeout: 600_000 }, async t => {
    const cluster = await startCluster(t, { server })
    t.setTimeout(600_000)
    await clusterIsHealthy(cluster, PATIENCE_MS)

    // By an agent that does not coordinate.
    t.match(await execAgent(cluster, 3, 'pause'), /paused/)
    t.equal(cluster.api.annotations()[pausedAnnotation], 'true')
    for (const { ordinal, name } of cluster.pods)
      await until(async () => (await agentStatus(cluster, ordinal))?.agent.paused, {
        what: `the agent of ${name} is paused`,
        deadlineMs: PATIENCE_MS,
      })
    t.equal((await agentStatus(cluster, 0))?.state, 'paused')
    for (const pod of [0, 4]) {
      t.match(await page(cluster, pod, '/readyz?verbose'), /paused by a person/)
      t.match(await page(cluster, pod, '/metrics'), PAUSED_METRIC)
    }

    await cluster.delete([5], { wipe: true })
    const nodesOf = async (pod: number) =>
      parseNodes(String(await cluster.command(pod, 'CLUSTER', 'NODES')))
    const [own] = await until(() => nodesOf(5), {
      what: 'the wiped pod answers',
      deadlineMs: PATIENCE_MS,
    })
    await untilRounds(cluster, 3)
    t.strictSame(
      (await nodesOf(5)).map(({ id }) => id),
      [own?.id],
      'it knows nobody',
    )
    t.notOk(
      (await nodesOf(0)).some(({ id }) => id === own?.id),
      'nobody knows it',
    )

    t.match(await execAgent(cluster, 1, 'resume'), /resumed/)
    const status = await clusterIsHealthy(cluster, PATIENCE_MS)
    t.equal(status.pods[5]?.nodeId, own?.id, 'now it joined')
    t.equal(status.pods[5]?.role, 'replica')
    await until(async () => !PAUSED_METRIC.test(await page(cluster, 4, '/metrics')), {
      what: 'the metric says so',
      deadlineMs: PATIENCE_MS,
    })
    for (const reason of ['Paused', 'Resumed'])
      await until(() => eventCounts(cluster).get(reason) === 1, {
        what: `one event ${reason}`,
        deadlineMs: PATIENCE_MS,
      })
  })
}
