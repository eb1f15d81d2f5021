import { kubectl } from '../kubectl.ts'
import { underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'all-deleted'

/** `kubectl delete pods --all`: every address changes at once, and no write is lost. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  return underLoad(cluster, async () => {
    const which = ['-l', 'app.kubernetes.io/name=redis-cluster', '--wait=false']
    await kubectl(['-n', cluster.namespace, 'delete', 'pods', ...which])
  })
}
