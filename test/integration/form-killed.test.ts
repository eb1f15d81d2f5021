import { readFileSync } from 'node:fs'
import t from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { startCluster } from '../helper/cluster.ts'
import { DEADLINE_MS, formedAsThreeShards, makeBlank, startBlank } from '../helper/formation.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(900_000)

/** How many actions the agent of the pod has told of by now. */
const actionsOf = (cluster: LocalCluster, pod: number): number =>
  readFileSync(cluster.pod(pod).logOf('agent'), 'utf8').split('"event":"action.done"').length - 1

/** At which actions it is killed: in the three parts of a formation, or all over it. */
const actionsToTry = (turn: number): readonly number[] =>
  testsAll() ? Array.from({ length: 40 }, (_, i) => 1 + (turn % 4) + 4 * i) : [1, 20, 42]

for (const [turn, server] of serversFor('form-killed.test.ts').entries()) {
  const skip = skipWithout(server)
  const killed = `${server}: the agent that coordinates is killed at any action`
  void t.test(killed, { skip, timeout: 900_000 }, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', start: false })
    t.setTimeout(900_000)
    await startBlank(cluster)
    let tried = 0
    for (const action of actionsToTry(turn)) {
      const before = actionsOf(cluster, 0)
      let isOver = false
      cluster.dns.setFault('all', null)
      await until(
        async () => {
          if (actionsOf(cluster, 0) >= before + action) return true
          isOver = (await cluster.status()).state === 'ok'
          return isOver
        },
        { what: `action ${action} of the formation`, deadlineMs: DEADLINE_MS, everyMs: 2 },
      )
      cluster.kill(0, 'agent')
      await formedAsThreeShards(t, cluster, `killed at action ${action}`)
      tried++
      if (isOver) break
      await makeBlank(cluster)
    }
    t.ok(tried > 2, `it was killed ${tried} times`)
  })
}
