import { settle } from './cluster.ts'
import type { TestCluster } from './test-cluster.ts'

/** What a scenario measured; shown in the summary and written to the report. */
export type Measured = Readonly<Record<string, string | number>>

export type Context = {
  /** A healthy cluster under load, shared by scenarios that leave it healthy. */
  readonly cluster: () => Promise<TestCluster>
  /** A cluster of the scenario's own; its namespace goes when the scenario ends. */
  readonly ownCluster: (options?: { restricted?: boolean }) => Promise<TestCluster>
  readonly say: (text: string) => void
}

export type Scenario = {
  readonly name: string
  readonly run: (context: Context) => Promise<Measured>
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

export function check(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise)
}

/**
 * Does something to a cluster under load, waits until it is settled and takes writes everywhere, and
 * looks for every write that was acknowledged. `mayLose`: a crash takes what was on its way to the
 * replica, so then only writes from before it have to be there.
 */
export async function underLoad(
  cluster: TestCluster,
  act: () => Promise<void>,
  { mayLose = false }: { mayLose?: boolean } = {},
): Promise<Measured> {
  const { load } = cluster
  await load.mark()
  const startedMs = performance.now()
  await act()
  const actedMs = performance.now() - startedMs
  await settle(cluster)
  const settledMs = performance.now() - startedMs
  await load.flows()
  const { failed, longestGapMs } = await load.figures()
  const { acknowledged, lost, lostBefore, examples } = await load.verify()
  const mustNot = mayLose ? lostBefore : lost
  check(
    mustNot === 0,
    `${mustNot} of ${acknowledged} acknowledged writes are lost: ${examples.join(', ')}`,
  )
  return {
    ...(actedMs > 10_000 ? { 'acting took': seconds(actedMs) } : {}),
    'settled after': seconds(settledMs),
    'longest gap between writes': seconds(longestGapMs),
    'failed writes': failed,
    'acknowledged writes': acknowledged,
    lost,
  }
}
