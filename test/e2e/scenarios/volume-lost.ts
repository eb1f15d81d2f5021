import { until } from '../../helper/until.ts'
import { listPods, settle, settledOpinions } from '../cluster.ts'
import { kubectl } from '../kubectl.ts'
import { check, underLoad, type Context, type Measured } from '../scenario.ts'

export const name = 'volume-lost'

/** A master's pod and its claim are deleted: it comes back as a replica with a new id. */
export async function run(context: Context): Promise<Measured> {
  const cluster = await context.cluster()
  const { namespace } = cluster
  await settle(cluster)
  const master = (await settledOpinions(cluster)).find(({ role }) => role === 'master')
  if (!master) throw new Error('no master')
  const uidOf = async (): Promise<string | undefined> =>
    (await listPods(cluster)).find(({ metadata }) => metadata.name === master.pod)?.metadata.uid
  const before = await uidOf()
  const measured = await underLoad(
    cluster,
    async () => {
      await kubectl(['-n', namespace, 'delete', 'pvc', `data-${master.pod}`, '--wait=false'])
      await kubectl(['-n', namespace, 'delete', 'pod', master.pod, '--wait=false'])
      const isNew = async (): Promise<boolean> => {
        const uid = await uidOf()
        return uid !== undefined && uid !== before
      }
      await until(isNew, { what: 'a new pod', deadlineMs: 180_000, everyMs: 500 })
    },
    { mayLose: true },
  )
  const after = await settledOpinions(cluster)
  const wiped = after.find(({ pod }) => pod === master.pod)
  check(wiped?.nodeId !== master.nodeId, `${master.pod} came back with its old id`)
  check(wiped?.role === 'replica', `${master.pod} came back as ${wiped?.role}`)
  for (const { pod, known } of after)
    check(!known.includes(master.nodeId), `${pod} still knows the id of the lost volume`)
  return measured
}
