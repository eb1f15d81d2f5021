import t, { type Test } from 'tap'
import { podsOf } from '../../agent/cluster/pods.ts'
import { readConfig } from '../../agent/config.ts'
import { createExecutor } from '../../agent/execute/execute.ts'
import { createObserver } from '../../agent/observe/observe.ts'
import { wishOf } from '../../agent/home.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import { createConnections } from '../../agent/redis/connections.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { HTTP_PORT, REDIS_PORT } from '../../local/pod.ts'
import { startCluster } from '../helper/cluster.ts'
import { DEADLINE_MS, formedAsThreeShards, makeBlank, startBlank } from '../helper/formation.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(900_000)

const DOMAIN = 'redis-cluster.default.svc.cluster.local'
/**
 * Does the first steps of a formation as a coordinator does them, by its own eyes, plan and hands,
 * and then is no more. False if the formation was over before.
 */
async function coordinateFor(t: Test, cluster: LocalCluster, steps: number): Promise<boolean> {
  const wish = wishOf(readConfig(cluster.pod(0).env))
  const connections = createConnections({
    port: REDIS_PORT,
    credentials: async () => ({}),
    connectTimeoutMs: 5000,
    commandTimeoutMs: 5000,
  })
  const observer = createObserver({
    resolver: {
      addressesOf: async name => ({
        state: 'found',
        addresses: [cluster.pod(name.split('.')[0] ?? '').address],
      }),
    },
    connections,
    podIp: cluster.pod(0).address,
    httpPort: HTTP_PORT,
    serviceDomain: DOMAIN,
    ownFacts: () => {
      throw new Error('this coordinator has no pod')
    },
    nowMs: () => performance.now(),
    serverTimeoutMs: 5000,
    agentTimeoutMs: 5000,
  })
  const executor = createExecutor({ connections })
  const pods = podsOf('redis-cluster', DOMAIN, { below: wish.pods })
  const { signal } = new AbortController()
  try {
    let left = steps
    const isOver = async (): Promise<boolean> => {
      const view = await observer.observeCluster(pods, signal)
      const plan = planCluster(view, wish)
      for (const action of plan.actions) {
        if (left-- === 0) return true
        await executor.execute([action], view, signal)
      }
      return plan.phase === 'ok' || left === 0
    }
    await until(isOver, { what: `${steps} steps are done`, deadlineMs: DEADLINE_MS, everyMs: 20 })
    return left <= 0
  } finally {
    observer.close()
    connections.close()
  }
}

/**
 * The steps after which it is interrupted: those that differ most, or all. Then each server has a
 * third of the introductions, which are alike and many.
 */
function stepsToTry(turn: number): readonly number[] {
  if (!testsAll()) return [1, 6, 12, 40]
  const all = Array.from({ length: 200 }, (_, i) => i + 1)
  return all.filter(step => step < 14 || step > 39 || step % 3 === turn % 3)
}

for (const [turn, server] of serversFor('form-steps.test.ts').entries()) {
  const skip = skipWithout(server)
  const name = `${server}: a coordinator is gone after any step, and a server dies`
  void t.test(name, { skip, timeout: 900_000 }, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', start: false })
    t.setTimeout(900_000)
    await startBlank(cluster)
    let tried = 0
    for (const steps of stepsToTry(turn)) {
      const isInterrupted = await coordinateFor(t, cluster, steps)
      cluster.kill(steps % 6, 'server')
      cluster.dns.setFault('all', null)
      await formedAsThreeShards(t, cluster, `after ${steps} steps`)
      tried++
      if (!isInterrupted) break
      await makeBlank(cluster)
    }
    t.ok(tried > 3, `${tried} interruptions were tried`)
  })
}
