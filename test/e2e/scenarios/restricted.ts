import { listPods } from '../cluster.ts'
import { restartsOf } from '../kubectl.ts'
import { check, seconds, type Context, type Measured } from '../scenario.ts'

export const name = 'restricted'

/** A namespace that enforces Pod Security `restricted` admits the manifests, and all works in it. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.ownCluster({ restricted: true })
  const pods = await listPods(cluster)
  const restarts = pods.reduce(
    (sum, pod) => sum + restartsOf(pod, 'redis') + restartsOf(pod, 'agent'),
    0,
  )
  check(restarts === 0, `${restarts} containers were started again`)
  const { lost } = await cluster.load.verify()
  check(lost === 0, `${lost} acknowledged writes are lost`)
  return { 'created and settled after': seconds(cluster.createdMs), 'container restarts': restarts }
}
