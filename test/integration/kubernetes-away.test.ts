import t from 'tap'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { describeSlots } from '../../agent/cluster/slots.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy, startCluster } from '../helper/cluster.ts'
import { agentStatus, isUntouched } from '../helper/formation.ts'
import {
  labelsAreTrue,
  logOf,
  PATIENCE_MS,
  untilLogged,
  untilRounds,
} from '../helper/kubernetes.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { missingKeys, startWriter, writeKeys } from '../helper/writers.ts'

t.setTimeout(600_000)

const KEYS = 200

/** Id, role, master and slots of every node, as one server has them. */
async function tableOf(cluster: LocalCluster, pod: number): Promise<string[]> {
  const nodes = parseNodes(String(await cluster.command(pod, 'CLUSTER', 'NODES')))
  return nodes
    .map(({ id, role, masterId, slots }) => `${id} ${role} ${masterId} ${describeSlots(slots)}`)
    .sort()
}

/** Actions that an agent did to pods other than its own. */
const actionsOnOthers = (cluster: LocalCluster): string[] =>
  cluster.pods.flatMap(({ ordinal }) =>
    logOf(cluster, ordinal).flatMap(({ event, action = '' }) =>
      event === 'action.done' && !action.startsWith(`pod ${ordinal}:`) ? [action] : [],
    ),
  )

for (const server of serversFor('kubernetes-away.test.ts')) {
  const skip = skipWithout(server)
  void t.test(`${server}: the API is away for a while`, { skip, timeout: 600_000 }, async t => {
    const cluster = await startCluster(t, { server, start: false })
    t.setTimeout(600_000)

    cluster.api.fault({ type: 'status', code: 503 })
    cluster.start()
    for (const { ordinal, name } of cluster.pods)
      await until(async () => (await agentStatus(cluster, ordinal))?.server.state === 'answered', {
        what: `${name} answers`,
        deadlineMs: PATIENCE_MS,
      })
    await untilRounds(cluster, 3)
    await isUntouched(t, cluster, 'without an answer of the API')
    t.match((await agentStatus(cluster, 0))?.because, /503/, 'the status says why')

    cluster.api.fault(null)
    await clusterIsHealthy(cluster, PATIENCE_MS)
    await labelsAreTrue(cluster, 'formed')
    await writeKeys(cluster, KEYS)
    const table = await tableOf(cluster, 0)

    const missed = () => logOf(cluster, 0).filter(({ event }) => event === 'api.away').length
    const missedBefore = missed()
    cluster.api.fault({ type: 'away' })
    await until(() => missed() > missedBefore, {
      what: 'the coordinator misses the API',
      deadlineMs: PATIENCE_MS,
    })
    const before = actionsOnOthers(cluster)
    const writer = startWriter(cluster)
    await cluster.delete([4])
    const status = await clusterIsHealthy(cluster, PATIENCE_MS)
    t.equal(status.pods.length, 6, 'the new address was healed by the pods themselves')
    await untilLogged(
      cluster,
      1,
      'another agent tries in its place, and sees the same',
      ({ event }) => event === 'api.away',
    )
    await writer.stop()
    t.ok(writer.acknowledged.length > 0, `${writer.acknowledged.length} keys were written`)
    t.strictSame(await missingKeys(cluster, KEYS), [], 'every key is there')
    t.strictSame(await missingKeys(cluster, writer.acknowledged.length, 'written'), [])
    t.strictSame(await tableOf(cluster, 0), table, 'nobody changed role or slots')
    t.strictSame(actionsOnOthers(cluster), before, 'no agent acted on the cluster')

    cluster.api.fault(null)
    await labelsAreTrue(cluster, 'the API is back')
    await clusterIsHealthy(cluster, PATIENCE_MS)
  })
}
