import { until } from '../../helper/until.ts'
import { exec, listEvents, podName, settle, statusOf, type Cluster } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { check, seconds, type Context, type Measured } from '../scenario.ts'

export const name = 'paused'
const annotation = 'redis-cluster-agent/paused'

async function annotated(cluster: Cluster): Promise<string | undefined> {
  const get = ['get', 'statefulset', 'redis-cluster', '-o', 'json']
  const text = await kubectl(['-n', cluster.namespace, ...get])
  const { metadata } = JSON.parse(text) as {
    metadata: { annotations?: Record<string, string> }
  }
  return metadata.annotations?.[annotation]
}

const reaches = (cluster: Cluster, paused: boolean, ordinal: number): Promise<boolean> =>
  until(
    async (): Promise<boolean> => {
      const status = await statusOf(cluster, podName(ordinal))
      return (status.state === 'paused') === paused && status.agent.paused === paused
    },
    { what: `pod ${ordinal} says paused: ${paused}`, deadlineMs: 60_000, everyMs: 300 },
  )

/** Pausing by command and by annotation stops every plan and shows everywhere; resuming ends it. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const { namespace, load } = cluster
  await load.mark()
  const startedMs = performance.now()
  await exec(cluster, podName(3), 'agent', 'agent', 'pause')
  check((await annotated(cluster)) === 'true', 'agent pause left no annotation')
  await reaches(cluster, true, 0)
  const pausedMs = performance.now() - startedMs
  await reaches(cluster, true, 4)
  const address = (await statusOf(cluster)).pods[0]?.ip ?? ''
  const { body } = await load.fetch(`http://${address}:9121/metrics`)
  check(/^redis_cluster_agent_paused 1$/m.test(body), 'the metric does not say paused')
  await exec(cluster, podName(3), 'agent', 'agent', 'resume')
  check((await annotated(cluster)) === undefined, 'agent resume left the annotation')
  await reaches(cluster, false, 0)
  await kubectl(['-n', namespace, 'annotate', 'statefulset/redis-cluster', `${annotation}=true`])
  await reaches(cluster, true, 0)
  await kubectl(['-n', namespace, 'annotate', 'statefulset/redis-cluster', `${annotation}-`])
  await reaches(cluster, false, 0)
  await settle(cluster)
  const reasons = async (): Promise<string[]> =>
    (await listEvents(cluster)).map(({ reason }) => reason)
  for (const reason of ['Paused', 'Resumed'])
    await until(async () => (await reasons()).includes(reason), {
      what: `event ${reason}`,
      deadlineMs: 30_000,
      everyMs: 500,
    })
  const { failed } = await load.figures()
  check(failed === 0, `${failed} writes failed`)
  return { 'paused after': seconds(pausedMs), 'failed writes': failed }
}
