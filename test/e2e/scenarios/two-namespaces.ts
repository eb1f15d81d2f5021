import { settledOpinions } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { check, underLoad, type Context, type Measured } from '../scenario.ts'
import type { TestCluster } from '../test-cluster.ts'

export const name = 'two-namespaces'

const restart = async ({ namespace }: TestCluster): Promise<void> => {
  const which = ['-l', 'app.kubernetes.io/name=redis-cluster', '--wait=false']
  await kubectl(['-n', namespace, 'delete', 'pods', ...which])
}

const ids = async (cluster: TestCluster): Promise<Set<string>> =>
  new Set((await settledOpinions(cluster)).flatMap(({ known }) => known))

/** Two clusters whose pods all restart at once may get each other's addresses: they never merge. */
export async function run(context: Context): Promise<Measured> {
  const one = await context.cluster()
  const other = await context.ownCluster()
  const before = await ids(one)
  const [measured, second] = await Promise.all([
    underLoad(one, () => restart(one)),
    underLoad(other, () => restart(other)),
  ])
  const after = await ids(one)
  check(
    [...after].every(id => before.has(id)),
    'the first cluster has other members than before',
  )
  const others = await ids(other)
  check(
    [...others].every(id => !after.has(id)),
    'the two clusters know each other',
  )
  return { ...measured, 'the other settled after': second['settled after'] ?? '?' }
}
