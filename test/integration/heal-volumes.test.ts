import t from 'tap'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { countSlots } from '../../agent/cluster/slots.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { get } from '../../local/http-get.ts'
import { HTTP_PORT } from '../../local/pod.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { assertKept, HEAL_MS, idsOf, isWritten, KEYS, startWithKeys } from './heal-cluster.ts'

t.setTimeout(900_000)

type AgentStatus = { readonly state: string; readonly because: string }

async function agentStatus(cluster: LocalCluster, pod: string): Promise<AgentStatus> {
  const answer = await get(cluster.pod(pod).address, HTTP_PORT, '/status', 5000)
  return JSON.parse(answer?.body ?? '{}') as AgentStatus
}

const nodesAt = async (cluster: LocalCluster, pod: string) =>
  parseNodes(String(await cluster.command(pod, 'CLUSTER', 'NODES')))

for (const server of serversFor('heal-volumes.test.ts')) {
  const skip = skipWithout(server)

  void t.test(
    `${server}: a pod that lost its volume takes its place again`,
    { skip, timeout: 800_000 },
    async t => {
      const { cluster } = await startWithKeys(t, { server })
      t.setTimeout(800_000)
      for (const pod of testsAll() ? [0, 1, 2, 3, 4, 5] : [0]) {
        const before = await idsOf(cluster)
        await isWritten(cluster)
        await cluster.delete([pod], { force: true, wipe: true })
        await until(
          async () => {
            const id = (await idsOf(cluster))[pod]
            return typeof id === 'string' && id !== before[pod]
          },
          { what: `pod ${pod} has a new id`, deadlineMs: HEAL_MS },
        )
        const what = `the volume of pod ${pod} lost`
        await assertKept(t, cluster, { what })
        const after = await idsOf(cluster)
        t.strictSame(
          after.filter((_id, i) => i !== pod),
          before.filter((_id, i) => i !== pod),
          `${what}: the others keep their ids`,
        )
        for (const { name } of cluster.pods)
          t.notOk(
            (await nodesAt(cluster, name)).some(({ id }) => id === before[pod]),
            `${what}: ${name} has forgotten the old id`,
          )
      }
    },
  )

  void t.test(`${server}: a shard that is lost is said to be lost`, { skip }, async t => {
    const { cluster } = await startWithKeys(t, { server })
    const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
    const master = pods.find(({ role }) => role === 'master')
    if (!master) throw new Error('there is no master')
    const lost = pods.filter(({ shard }) => shard === master.shard).map(({ name }) => name)
    const others = pods.filter(({ name }) => !lost.includes(name)).map(({ name }) => name)
    t.equal(lost.length, 2)
    await isWritten(cluster)
    await cluster.delete(lost, { force: true, wipe: true })

    for (const name of lost)
      await until(
        async () => {
          const nodes = await nodesAt(cluster, name)
          return others.every(other =>
            nodes.some(({ hostname }) => hostname.startsWith(`${other}.`)),
          )
        },
        { what: `${name} has joined the others`, deadlineMs: HEAL_MS },
      )
    for (const name of others) {
      const old = await until(
        async () =>
          (await nodesAt(cluster, name)).find(
            ({ id, flags }) => id === master.nodeId && flags.has('fail'),
          ),
        { what: `${name} knows that the master is gone`, deadlineMs: HEAL_MS },
      )
      t.equal(
        countSlots(old.slots),
        countSlots(master.slots),
        `${name}: its slots are nobody else's`,
      )
    }

    let kept = 0
    const masters = pods.filter(({ name, role }) => role === 'master' && others.includes(name))
    for (const { name } of masters) kept += Number(await cluster.command(name, 'DBSIZE'))
    const gone = master.slots.reduce((sum, [from, to]) => sum + to - from + 1, 0)
    t.ok(kept > 0.4 * KEYS, `${kept} keys of the other shards are served, ${gone} slots are not`)
    const said = await until(
      async () => {
        const { coordinator } = await cluster.status()
        if (coordinator === null) return null
        const { state, because } = await agentStatus(cluster, coordinator)
        return state !== 'ok' && because
      },
      { what: 'the coordinator says that not all is well', deadlineMs: HEAL_MS },
    )
    t.comment(said)
    t.not((await cluster.status()).state, 'ok')

    // What is left goes on through a restart, and still nobody claims the lost slots.
    await cluster.delete(others)
    for (const { name } of masters)
      await until(
        async () => /cluster_state:ok/.test(String(await cluster.command(name, 'CLUSTER', 'INFO'))),
        {
          what: `${name} serves again`,
          deadlineMs: HEAL_MS,
        },
      )
    const before = new Set<unknown>(
      pods.filter(({ role }) => role === 'master').map(({ nodeId }) => nodeId),
    )
    let afterwards = 0
    for (const { name } of masters) {
      afterwards += Number(await cluster.command(name, 'DBSIZE'))
      const owners = (await nodesAt(cluster, name)).filter(({ slots }) => slots.length > 0)
      t.equal(owners.length, before.size, `${name}: as many masters own slots`)
      t.ok(
        owners.every(({ id }) => before.has(id)),
        `${name}: nobody has claimed the lost slots`,
      )
    }
    t.equal(afterwards, kept, 'the keys that were left are there')
  })
}
