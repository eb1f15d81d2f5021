import { setTimeout as sleep } from 'node:timers/promises'
import { attempt, isReady, kubectl, list, type EventObject, type PodObject } from './kubectl.ts'
import { askServer, unsettled, type Opinion } from './server-opinion.ts'
import type { Status } from '../../agent/server/status.ts'

export const pods = 6
export const podName = (ordinal: number): string => `redis-cluster-${ordinal}`
export const names: readonly string[] = Array.from({ length: pods }, (_, i) => podName(i))
const selector = 'app.kubernetes.io/name=redis-cluster'

/** A cluster in a namespace, seen as a person sees it: by kubectl and by the servers' own client. */
export type Cluster = {
  readonly namespace: string
  /** From `kubectl create` to the first look at which everything was settled. */
  readonly createdMs: number
}

/** Runs a command in a pod and gives what it printed. */
export const exec = (
  { namespace }: Cluster,
  pod: string,
  container: string,
  ...command: readonly string[]
): Promise<string> =>
  kubectl(['-n', namespace, 'exec', pod, '-c', container, '--', ...command], {
    timeoutMs: 120_000,
  })

export const listPods = ({ namespace }: Cluster): Promise<PodObject[]> =>
  list<PodObject>(namespace, 'pods', '-l', selector)

export const listEvents = ({ namespace }: Cluster): Promise<EventObject[]> =>
  list<EventObject>(namespace, 'events')

export const opinions = ({ namespace }: Cluster): Promise<(Opinion | null)[]> =>
  Promise.all(names.map(name => askServer(namespace, name)))

/** The coordinator's word on the whole cluster. */
export async function statusOf(cluster: Cluster, pod = podName(0)): Promise<Status> {
  const text = await exec(cluster, pod, 'agent', 'agent', 'status', '--json')
  return JSON.parse(text) as Status
}

/** Opinions of a settled cluster. @throws where it is not settled. */
export async function settledOpinions(cluster: Cluster): Promise<Opinion[]> {
  const seen = await opinions(cluster)
  const wrong = unsettled(seen)
  if (wrong !== null) throw new Error(wrong)
  return seen.flatMap(opinion => opinion ?? [])
}

/** What keeps the cluster from being settled now; null if nothing does. */
async function lookAt(cluster: Cluster): Promise<string | null> {
  const there = await listPods(cluster)
  const ready = there.filter(isReady).length
  if (ready !== pods || there.length !== pods) return `${ready} of ${pods} pods are ready`
  return unsettled(await opinions(cluster))
}

/**
 * Waits until every pod is ready and every server agrees that all is well: what it took, in
 * milliseconds. @throws after the deadline, with what is wrong.
 */
export async function settle(cluster: Cluster, deadlineMs = 300_000): Promise<number> {
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  let wrong: string | null = 'never looked'
  while (elapsedMs() < deadlineMs) {
    wrong = await lookAt(cluster).catch((error: unknown) => String(error))
    if (wrong === null) return elapsedMs()
    await sleep(500)
  }
  throw new Error(`not settled after ${Math.round(deadlineMs / 1000)} s: ${wrong}`)
}

/** What a person would look at first when a scenario failed. */
export async function diagnose({ namespace }: Cluster): Promise<string> {
  const looks = [
    ['get', 'pods', '-o', 'wide', '-L', 'redis-cluster-agent/role,redis-cluster-agent/shard'],
    ['exec', podName(0), '-c', 'agent', '--', 'agent', 'status'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
    ...names.map(name => ['logs', name, '-c', 'agent', '--tail=15']),
    ...names.map(name => ['logs', name, '-c', 'redis', '--tail=5']),
  ]
  const texts: string[] = []
  for (const look of looks) {
    const { out, err } = await attempt(['-n', namespace, ...look], { timeoutMs: 20_000 })
    const lines = (out + err).trimEnd().split('\n').slice(-40)
    texts.push(`$ kubectl ${look.join(' ')}`, ...lines.map(line => line.slice(0, 400)))
  }
  return texts.join('\n')
}
