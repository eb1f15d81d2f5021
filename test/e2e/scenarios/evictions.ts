import { setTimeout as sleep } from 'node:timers/promises'
import { names, type Cluster } from '../cluster.ts'
import { attempt } from '../kubectl.ts'
import { check, underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'evictions'
const deadlineMs = 600_000

/** Asks for an eviction as `kubectl drain` does; whether it was granted. */
async function evict({ namespace }: Cluster, pod: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod, namespace },
  }
  const { code, err } = await attempt(['create', '--raw', path, '-f', '-'], {
    input: JSON.stringify(body),
  })
  if (code === 0) return true
  if (/disruption budget|TooManyRequests|429/i.test(err)) return false
  throw new Error(`evicting ${pod}: ${err.trim()}`)
}

/** Every pod is evicted, all asked for at once and again until granted: the budget paces it. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  let refused = 0
  const measured = await underLoad(cluster, async () => {
    const startedMs = performance.now()
    const left = new Set(names)
    while (left.size > 0) {
      for (const pod of left) {
        if (await evict(cluster, pod)) left.delete(pod)
        else refused += 1
      }
      check(performance.now() - startedMs < deadlineMs, `not evicted: ${[...left].join(', ')}`)
      await sleep(1000)
    }
  })
  check(refused > 0, 'the budget refused nothing')
  return { 'evictions refused by the budget': refused, ...measured }
}
