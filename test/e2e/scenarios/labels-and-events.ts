import { until, untilIs } from '../../helper/until.ts'
import { exec, listEvents, listPods, settle, settledOpinions, type Cluster } from '../cluster.ts'
import { check, seconds, type Context, type Measured } from '../scenario.ts'

export const name = 'labels-and-events'
const role = 'redis-cluster-agent/role'
const shard = 'redis-cluster-agent/shard'

/** What is wrong with the labels, by the servers' own word; null if they are true. */
async function wrongLabels(cluster: Cluster): Promise<string | null> {
  const opinions = await settledOpinions(cluster)
  const pods = await listPods(cluster)
  const ordinal = (pod: string): number => Number(pod.slice(pod.lastIndexOf('-') + 1))
  for (const { pod, role: is, shardId } of opinions) {
    const lowest = Math.min(
      ...opinions.filter(other => other.shardId === shardId).map(other => ordinal(other.pod)),
    )
    const labels = pods.find(({ metadata }) => metadata.name === pod)?.metadata.labels ?? {}
    if (labels[role] !== is || labels[shard] !== `${lowest}`)
      return `${pod} is ${is} of shard ${lowest}, its labels say ${labels[role]} of ${labels[shard]}`
  }
  return null
}

/** How long it took until they are. */
async function labelsBecomeTrue(cluster: Cluster): Promise<number> {
  const startedMs = performance.now()
  const what = 'the labels say what the servers say'
  const options = { what, deadlineMs: 60_000, everyMs: 200 }
  await untilIs(
    () => wrongLabels(cluster),
    wrong => wrong === null,
    options,
  )
  return performance.now() - startedMs
}

/** Labels follow a change of roles; events tell what happened. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  await labelsBecomeTrue(cluster)
  const reasons = async (): Promise<string[]> =>
    (await listEvents(cluster))
      .filter(({ involvedObject }) => involvedObject.name === 'redis-cluster')
      .map(({ reason }) => reason)
  for (const reason of ['Formed', 'ReplicaAttached'])
    await until(async () => (await reasons()).includes(reason), {
      what: `event ${reason}`,
      deadlineMs: 30_000,
      everyMs: 500,
    })
  const replica = (await settledOpinions(cluster)).find(opinion => opinion.role === 'replica')
  if (!replica) throw new Error('no replica')
  const failover = '$(command -v redis-cli || command -v valkey-cli) cluster failover'
  const said = await exec(cluster, replica.pod, 'redis', 'sh', '-c', failover)
  check(said.trim() === 'OK', `CLUSTER FAILOVER: ${said}`)
  await until(
    async () =>
      (await settledOpinions(cluster)).some(o => o.pod === replica.pod && o.role === 'master'),
    { what: `${replica.pod} is a master`, deadlineMs: 60_000, everyMs: 200 },
  )
  const labelMs = await labelsBecomeTrue(cluster)
  await until(async () => (await reasons()).includes('MasterReplaced'), {
    what: 'event MasterReplaced',
    deadlineMs: 30_000,
    everyMs: 500,
  })
  await settle(cluster)
  const kinds = [...new Set(await reasons())].sort()
  return { 'labels true after a failover': seconds(labelMs), events: kinds.join(' ') }
}
