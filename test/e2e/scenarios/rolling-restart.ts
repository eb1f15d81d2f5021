import { kubectl } from '../kubectl.ts'
import { underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'rolling-restart'

/** `kubectl rollout restart`: every pod in turn, each when the one before is ready. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const rollout = (...args: string[]): Promise<string> =>
    kubectl(['-n', cluster.namespace, 'rollout', ...args], { timeoutMs: 650_000 })
  return underLoad(cluster, async () => {
    await rollout('restart', 'statefulset/redis-cluster')
    await rollout('status', 'statefulset/redis-cluster', '--timeout=600s')
  })
}
