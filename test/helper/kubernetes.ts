import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { roleLabel, shardLabel } from '../../agent/kubernetes/labels.ts'
import { textOf, type JsonObject } from '../../local/api/answer.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { get } from '../../local/http-get.ts'
import { HTTP_PORT } from '../../local/pod.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** The longest that anything here may take on a machine that is busy with something else. */
export const PATIENCE_MS = 90_000

/** A line of an agent's log. */
export type LogLine = {
  readonly time: string
  readonly event: string
  readonly because?: string
  readonly action?: string
}

/** What the agent of the pod has logged, in all the lives of the pod. */
export function logOf(cluster: LocalCluster, pod: number): LogLine[] {
  return readFileSync(cluster.pod(pod).logOf('agent'), 'utf8')
    .split('\n')
    .flatMap(line => {
      try {
        return [JSON.parse(line) as LogLine]
      } catch {
        // The last line may be half written, and Node may warn of something in plain text.
        return []
      }
    })
}

/** Waits until the agent of the pod has logged such a line. */
export const untilLogged = (
  cluster: LocalCluster,
  pod: number,
  what: string,
  isIt: (line: LogLine) => boolean,
): Promise<LogLine> =>
  until(() => logOf(cluster, pod).find(isIt), { what, deadlineMs: PATIENCE_MS })

/** Events by reason: how often each was told, repetitions counted on an event included. */
export function eventCounts(cluster: LocalCluster): Map<string, number> {
  const counts = new Map<string, number>()
  for (const event of cluster.api.events()) {
    const reason = textOf(event['reason'])
    counts.set(reason, (counts.get(reason) ?? 0) + Number(event['count']))
  }
  return counts
}

/** Waits until every pod's labels say what its server says. */
export const labelsAreTrue = (cluster: LocalCluster, what: string): Promise<unknown> =>
  until(
    async () => {
      const { pods } = await cluster.status()
      const wrong = pods.flatMap(({ name, ordinal, role, shard }) => {
        const labels = cluster.api.podLabels(ordinal)
        const said = `${labels[roleLabel]} of shard ${labels[shardLabel]}`
        const is = `${role} of shard ${shard}`
        return said === is ? [] : [`${name} is ${is}, its labels say ${said}`]
      })
      return wrong.length === 0 || Promise.reject(new Error(wrong.join('; ')))
    },
    { what: `${what}: the labels are true`, deadlineMs: PATIENCE_MS },
  )

const asked = (cluster: LocalCluster, call: string): number => cluster.api.requests().get(call) ?? 0

/** Waits until the coordinator has read the API that many times more. */
export async function untilRounds(cluster: LocalCluster, rounds: number): Promise<void> {
  const before = asked(cluster, 'get statefulsets')
  await until(() => asked(cluster, 'get statefulsets') >= before + rounds, {
    what: `${rounds} rounds of reading the API`,
    deadlineMs: PATIENCE_MS,
  })
}

/** How many requests of each kind come while the coordinator reads the API that many times. */
export async function requestsWithin(
  cluster: LocalCluster,
  rounds: number,
): Promise<Map<string, number>> {
  const before = cluster.api.requests()
  await untilRounds(cluster, rounds)
  const since = Array.from(
    cluster.api.requests(),
    ([call, count]) => [call, count - (before.get(call) ?? 0)] as const,
  )
  return new Map(since.filter(([, count]) => count > 0))
}

/** What a path of the agent's HTTP server answers. */
export async function page(cluster: LocalCluster, pod: number, path: string): Promise<string> {
  return (await get(cluster.pod(pod).address, HTTP_PORT, path, 5000))?.body ?? ''
}

/** `kubectl exec POD -c agent -- agent ...` */
export async function execAgent(
  cluster: LocalCluster,
  pod: number,
  ...args: string[]
): Promise<string> {
  const { command, env } = cluster.pod(pod).agentProcess(...args)
  const [program, ...rest] = command
  return (await run(program, rest, { env })).stdout
}

/** Whom the Lease names, and its times in milliseconds. */
export function leaseOf(cluster: LocalCluster): {
  readonly pod: string
  readonly acquiredMs: number
  readonly renewedMs: number
} {
  const spec = (cluster.api.lease()?.['spec'] ?? {}) as JsonObject
  const text = (field: string) => textOf(spec[field])
  return {
    pod: text('holderIdentity').split('_')[0] ?? '',
    acquiredMs: Date.parse(text('acquireTime')),
    renewedMs: Date.parse(text('renewTime')),
  }
}
