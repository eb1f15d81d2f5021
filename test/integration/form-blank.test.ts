import t from 'tap'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import { startCluster } from '../helper/cluster.ts'
import { checkByTool, DEADLINE_MS, formed, formedAsThreeShards } from '../helper/formation.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { untilIs } from '../helper/until.ts'
import { missingKeys, writeKeys } from '../helper/writers.ts'

t.setTimeout(900_000)

for (const server of serversFor('form-blank.test.ts')) {
  const options = { skip: skipWithout(server), timeout: 300_000 }
  void t.test(
    `${server}: six blank pods form, pod 0 joins again, and more pods`,
    options,
    async t => {
      const cluster = await startCluster(t, { server })
      const before = await formedAsThreeShards(t, cluster, 'six blank pods')
      t.match(await checkByTool(cluster, server), /All 16384 slots covered/, 'the tool says OK')
      await writeKeys(cluster, 300)

      await cluster.delete([0], { force: true, wipe: true })
      const after = await untilIs(
        () => cluster.status(),
        ({ state, pods }) => state === 'ok' && pods[0]?.role === 'replica',
        { what: 'pod 0 is a replica', deadlineMs: DEADLINE_MS },
      )
      const old = before.pods[0]?.nodeId
      t.equal(after.pods[0]?.role, 'replica', 'a wiped pod 0 joins as a replica')
      t.not(after.pods[0]?.nodeId, old, 'with another id')
      await untilIs(
        () =>
          Promise.all(
            cluster.pods.map(async ({ name }) =>
              parseNodes(String(await cluster.command(name, 'CLUSTER', 'NODES'))).map(
                ({ id }) => id,
              ),
            ),
          ),
        tables => tables.every(ids => ids.length === 6 && !ids.some(id => id === old)),
        { what: 'the old id is forgotten everywhere', deadlineMs: DEADLINE_MS },
      )
      t.strictSame(await missingKeys(cluster, 300), [], 'no key was lost')
      await formedAsThreeShards(t, cluster, 'after pod 0 lost its volume')
      t.match(
        await checkByTool(cluster, server),
        /All 16384 slots covered/,
        'the tool says OK again',
      )

      await cluster.scale(7)
      await untilIs(
        () => cluster.status(),
        ({ state, pods }) => state === 'ok' && pods[6]?.role === 'replica',
        { what: 'a new pod joins as a replica', deadlineMs: DEADLINE_MS },
      )
      await formed(cluster)
      t.strictSame(await missingKeys(cluster, 300), [], 'no key was lost')
    },
  )
}
