import { until } from '../../helper/until.ts'
import { exec, listPods, statusOf } from '../cluster.ts'
import { attempt, restartsOf } from '../kubectl.ts'
import { check, seconds, underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'agent-killed'

/** The coordinator's agent ends; its server does not notice, and it coordinates again. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const { coordinator } = await statusOf(cluster)
  if (coordinator === null) throw new Error('no agent coordinates')
  const pod = async () =>
    (await listPods(cluster)).find(({ metadata }) => metadata.name === coordinator)
  const restarts = async (container: string): Promise<number> => {
    const found = await pod()
    return found ? restartsOf(found, container) : -1
  }
  const agentBefore = await restarts('agent')
  const serverBefore = await restarts('redis')
  let backMs = 0
  const measured = await underLoad(cluster, async () => {
    const startedMs = performance.now()
    // The exec may end with the container that it runs in.
    const kill = ['exec', coordinator, '-c', 'agent', '--', 'sh', '-c', 'kill 1']
    await attempt(['-n', cluster.namespace, ...kill])
    await until(async () => (await restarts('agent')) > agentBefore, {
      what: 'the agent is started again',
      deadlineMs: 120_000,
      everyMs: 500,
    })
    await until(async () => (await statusOf(cluster, coordinator)).isCoordinator, {
      what: `the agent of ${coordinator} coordinates again`,
      deadlineMs: 120_000,
      everyMs: 500,
    })
    backMs = performance.now() - startedMs
  })
  check((await restarts('redis')) === serverBefore, 'the server was started again too')
  check(Number(measured['failed writes']) === 0, `${measured['failed writes']} writes failed`)
  await exec(cluster, coordinator, 'agent', 'agent', 'plan')
  return { 'coordinates again after': seconds(backMs), ...measured }
}
