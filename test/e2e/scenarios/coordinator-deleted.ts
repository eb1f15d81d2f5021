import { until } from '../../helper/until.ts'
import { statusOf, type Cluster } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { check, seconds, underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'coordinator-deleted'

type Lease = { spec: { holderIdentity?: string; leaseTransitions?: number } }

async function readLease({ namespace }: Cluster): Promise<Lease['spec']> {
  const text = await kubectl(['-n', namespace, 'get', 'lease', 'redis-cluster', '-o', 'json'])
  return (JSON.parse(text) as Lease).spec
}

/** The pod whose agent coordinates is deleted: the Lease moves on, and comes back with the pod. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const { coordinator } = await statusOf(cluster)
  if (coordinator === null) throw new Error('no agent coordinates')
  const before = await readLease(cluster)
  const isOther = ({ holderIdentity: holder }: Lease['spec']): boolean =>
    holder !== undefined && holder !== '' && holder !== before.holderIdentity
  let overMs = 0
  const measured = await underLoad(cluster, async () => {
    const startedMs = performance.now()
    await kubectl(['-n', cluster.namespace, 'delete', 'pod', coordinator, '--wait=false'])
    await until(async () => isOther(await readLease(cluster)), {
      what: 'another agent holds the Lease',
      deadlineMs: 120_000,
      everyMs: 300,
    })
    overMs = performance.now() - startedMs
    const isBack = async (): Promise<boolean> =>
      (await statusOf(cluster, coordinator)).isCoordinator &&
      (await readLease(cluster)).holderIdentity?.startsWith(`${coordinator}_`) === true
    await until(isBack, {
      what: `the new ${coordinator} coordinates`,
      deadlineMs: 180_000,
      everyMs: 500,
    })
  })
  const { leaseTransitions = 0 } = await readLease(cluster)
  const moved = leaseTransitions - (before.leaseTransitions ?? 0)
  check(moved > 0, 'the Lease counts no transition')
  return { 'the Lease moved on after': seconds(overMs), 'lease transitions': moved, ...measured }
}
