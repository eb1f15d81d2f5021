import { settledOpinions } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'force-deleted'

/** A master's pod is deleted with no grace at all: its process is killed, a replica takes over. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const master = (await settledOpinions(cluster)).find(({ role }) => role === 'master')
  if (!master) throw new Error('no master')
  const remove = ['delete', 'pod', master.pod, '--force', '--grace-period=0']
  return underLoad(
    cluster,
    async () => {
      await kubectl(['-n', cluster.namespace, ...remove], { timeoutMs: 120_000 })
    },
    { mayLose: true },
  )
}
