import { listPods, settledOpinions } from '../cluster.ts'
import { check, seconds, type Context, type Measured } from '../scenario.ts'

export const name = 'create'

/** `kubectl create -f manifests` in an empty namespace, and nothing else. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const opinions = await settledOpinions(cluster)
  const masters = opinions.filter(({ role }) => role === 'master')
  const slots = masters.map(({ ownSlots }) => ownSlots).sort((a, b) => a - b)
  check(slots.join() === '5461,5461,5462', `masters own ${slots.join(', ')} slots`)
  for (const { nodeId, pod } of masters) {
    const replicas = opinions.filter(o => o.role === 'replica' && o.shardId === nodeId)
    check(replicas.length === 1, `${pod} has ${replicas.length} replicas`)
  }
  const pods = await listPods(cluster)
  const nodeOf = new Map(pods.map(({ metadata, spec }) => [metadata.name, spec.nodeName ?? '']))
  const beside = opinions.filter(
    ({ role, shardId, pod }) =>
      role === 'replica' &&
      nodeOf.get(pod) === nodeOf.get(masters.find(m => m.nodeId === shardId)?.pod ?? ''),
  )
  const nodes = new Set(nodeOf.values())
  const most = Math.max(...[...nodes].map(n => [...nodeOf.values()].filter(o => o === n).length))
  // With more than half of the pods on one node some replica has to be beside its master.
  if (most <= pods.length / 2)
    check(beside.length === 0, `${beside.length} replicas are on their master's node`)
  return {
    'created and settled after': seconds(cluster.createdMs),
    nodes: nodes.size,
    'replicas on their master’s node': beside.length,
  }
}
