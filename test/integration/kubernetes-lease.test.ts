import t from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { clusterIsHealthy, startCluster } from '../helper/cluster.ts'
import { leaseOf, logOf, PATIENCE_MS } from '../helper/kubernetes.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { createTcpGate } from '../helper/tcp-gate.ts'
import { until } from '../helper/until.ts'

t.setTimeout(600_000)

const LEASE_MS = 6000
/** A replica, which is made a blank server again and again: something to do for the coordinator. */
const PATIENT = 5

/** When the agent of the pod, as the coordinator, did something to that replica. */
const actsOf = (cluster: LocalCluster, pod: number): number[] =>
  logOf(cluster, pod).flatMap(({ event, action = '', time }) =>
    event === 'action.done' && action.startsWith(`pod ${PATIENT}: CLUSTER REPLICATE`)
      ? [Date.parse(time)]
      : [],
  )

/** Makes the replica forget everything whenever it was attached; until stopped. */
function keepForgetting(cluster: LocalCluster): () => Promise<void> {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      await new Promise(resolve => setTimeout(resolve, 200))
      const text = await cluster.command(PATIENT, 'CLUSTER', 'NODES').catch(() => '')
      const own = parseNodes(String(text)).find(({ flags }) => flags.has('myself'))
      if (own?.role === 'replica')
        await cluster.command(PATIENT, 'CLUSTER', 'RESET', 'SOFT').catch(() => undefined)
    }
  }
  const done = run()
  return () => {
    stopping.abort()
    return done
  }
}

const untilActs = (cluster: LocalCluster, pod: number, more: number): Promise<unknown> => {
  const before = actsOf(cluster, pod).length
  return until(() => actsOf(cluster, pod).length >= before + more, {
    what: `the agent of pod ${pod} acts`,
    deadlineMs: PATIENCE_MS,
  })
}

for (const server of serversFor('kubernetes-lease.test.ts')) {
  const skip = skipWithout(server)
  const name = `${server}: a coordinator that is cut off from the API`
  void t.test(name, { skip, timeout: 600_000 }, async t => {
    const cluster = await startCluster(t, { server, start: false })
    t.setTimeout(600_000)
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = cluster.api.env()
    const gate = await createTcpGate(t, host, Number(port))
    cluster.startPod(0, undefined, { KUBERNETES_SERVICE_PORT: String(gate.port) })
    cluster.start()
    await clusterIsHealthy(cluster, PATIENCE_MS)
    const stop = keepForgetting(cluster)

    await untilActs(cluster, 0, 1)
    t.equal(leaseOf(cluster).pod, 'redis-cluster-0')
    gate.close()
    let lastRenewedMs = leaseOf(cluster).renewedMs
    await until(
      () => {
        const { pod, renewedMs } = leaseOf(cluster)
        if (pod === 'redis-cluster-0') lastRenewedMs = renewedMs
        return pod === 'redis-cluster-1'
      },
      { what: 'the next agent gets the lease', deadlineMs: PATIENCE_MS, everyMs: 20 },
    )
    t.ok(leaseOf(cluster).acquiredMs - lastRenewedMs >= LEASE_MS, 'after it expired, not before')
    await untilActs(cluster, 1, 2)
    const [lastOfFirst = 0] = actsOf(cluster, 0).slice(-1)
    const [firstOfNext = 0] = actsOf(cluster, 1)
    t.ok(lastOfFirst < firstOfNext, 'the first one had stopped before')

    gate.open()
    await untilActs(cluster, 0, 1)
    await stop()
    const [lastOfNext = 0] = actsOf(cluster, 1).slice(-1)
    const again = actsOf(cluster, 0).find(time => time > lastOfFirst) ?? 0
    t.ok(lastOfNext < again, 'and so had the next one, when the first came back')
    await clusterIsHealthy(cluster, PATIENCE_MS)
  })
}
