import t from 'tap'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { startCluster } from '../helper/cluster.ts'
import {
  agentsLive,
  agentStatus,
  DEADLINE_MS,
  formed,
  formedAsThreeShards,
  isUntouched,
  untilReason,
} from '../helper/formation.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(900_000)

const LATE_MS = testsAll() ? 20_000 : 5000

/** The ids that the servers of a cluster know, each server's own table joined with the others'. */
async function idsIn(cluster: LocalCluster): Promise<string[]> {
  const tables = await Promise.all(
    cluster.pods.map(async ({ name }) =>
      parseNodes(String(await cluster.command(name, 'CLUSTER', 'NODES'))).map(({ id }) => id),
    ),
  )
  return [...new Set(tables.flat())].sort()
}

for (const server of serversFor('form-late.test.ts')) {
  const options = { skip: skipWithout(server), timeout: 600_000 }
  void t.test(`${server}: two thirds of the pods are late`, options, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', start: false })
    cluster.startPod(0)
    cluster.startPod(1)
    await untilReason(cluster, /^waiting: 2 of 6 pods answered; missing: redis-cluster-2 /)
    await until(async () => ((await agentStatus(cluster, 0))?.phaseMs ?? 0) > LATE_MS, {
      what: `pod 0 waits for ${LATE_MS} ms`,
      deadlineMs: DEADLINE_MS,
    })
    await isUntouched(t, cluster, 'before the others come')
    for (const late of [5, 3, 2]) cluster.startPod(late)
    await untilReason(cluster, /^waiting: 5 of 6 pods answered; missing: redis-cluster-4 /)
    await isUntouched(t, cluster, 'before the last one comes')
    cluster.startPod(4)
    await formedAsThreeShards(t, cluster, 'all are there')
    await agentsLive(t, cluster, 'all are there')
  })

  void t.test(
    `${server}: two clusters with each other's addresses never merge`,
    options,
    async t => {
      const wish = {
        server,
        kubernetes: 'off',
        pods: 3,
        replicasPerMaster: 0,
        start: false,
      } as const
      const ours = await startCluster(t, { ...wish, env: { POD_NAMESPACE: 'ours' } })
      const theirs = await startCluster(t, { ...wish, env: { POD_NAMESPACE: 'theirs' } })
      const both = [ours, theirs]
      for (const cluster of both) cluster.start()
      /** DNS of the first names the other cluster's address for its pod 2. */
      const mistake = (cluster: LocalCluster, other: LocalCluster) =>
        cluster.dns.setFault('redis-cluster-2', { kind: 'stale', address: other.pod(2).address })
      mistake(ours, theirs)
      mistake(theirs, ours)
      await untilReason(
        ours,
        /redis-cluster-2 \(.* answers as redis-cluster-2.redis-cluster.theirs\./,
      )
      await untilReason(
        theirs,
        /redis-cluster-2 \(.* answers as redis-cluster-2.redis-cluster.ours\./,
      )
      for (const cluster of both) await isUntouched(t, cluster, 'while DNS names the wrong pod')

      ours.dns.setFault('redis-cluster-2', null)
      await formed(ours)
      await untilReason(
        theirs,
        /redis-cluster-2 \(.* answers as redis-cluster-2.redis-cluster.ours\./,
      )
      await isUntouched(t, theirs, 'beside a cluster that stands')
      theirs.dns.setFault('redis-cluster-2', null)
      await formed(theirs)

      // A pod that moves is looked for where the other cluster lives.
      mistake(ours, theirs)
      await ours.delete([2], { force: true })
      await untilReason(
        ours,
        /redis-cluster-2 \(.* answers as redis-cluster-2.redis-cluster.theirs\./,
      )
      ours.dns.setFault('redis-cluster-2', null)
      for (const cluster of both) await formed(cluster)
      const [a = [], b = []] = await Promise.all(both.map(idsIn))
      t.equal(a.length, 3, 'one knows its own three nodes')
      t.equal(b.length, 3, 'and so does the other')
      t.notOk(
        a.some(id => b.includes(id)),
        'none is known to both',
      )
    },
  )
}
