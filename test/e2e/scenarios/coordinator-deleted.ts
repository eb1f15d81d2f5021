import { until } from '../../helper/until.ts'
import { podName, statusOf } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { check, seconds, underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'coordinator-deleted'

/** The pod whose agent coordinates is deleted: another one takes over, and hands back. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  check((await statusOf(cluster)).coordinator === podName(0), 'the lowest pod does not coordinate')
  let overMs = 0
  const measured = await underLoad(cluster, async () => {
    const startedMs = performance.now()
    await kubectl(['-n', cluster.namespace, 'delete', 'pod', podName(0), '--wait=false'])
    await until(async () => (await statusOf(cluster, podName(1))).isCoordinator, {
      what: 'the next agent coordinates',
      deadlineMs: 120_000,
      everyMs: 300,
    })
    overMs = performance.now() - startedMs
    await until(async () => (await statusOf(cluster)).isCoordinator, {
      what: 'the lowest pod coordinates again',
      deadlineMs: 180_000,
      everyMs: 500,
    })
  })
  return { 'another coordinates after': seconds(overMs), ...measured }
}
