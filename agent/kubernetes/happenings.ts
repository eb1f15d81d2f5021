import { ownsSlots } from '../cluster/members.ts'
import { describeSlots } from '../cluster/slots.ts'
import { serverOf, type ClusterView } from '../cluster/view.ts'
import type { Action, Phase, Plan } from '../plan/action.ts'
import type { EventReason } from './events.ts'

/** Something that a person would want to read in `kubectl get events`. */
export type Happening = { readonly reason: EventReason; readonly message: string }

/** What is told when the cluster is settled again; null while it is. */
export type Unsettled = 'Formed' | 'Joined' | 'Recovered' | null

type Moment = {
  readonly view: ClusterView | null
  readonly phase: string
  readonly unsettled: Unsettled
}

/**
 * What a cluster is to be told of once it is ok, after one more phase. A formation passes through
 * `healing` before it is ok, so the greatest of what was under way is what counts.
 */
export function unsettledBy(before: Unsettled, phase: Phase): Unsettled {
  if (phase === 'ok') return null
  if (phase === 'forming' || before === 'Formed') return 'Formed'
  if (phase === 'joining' || before === 'Joined') return 'Joined'
  return phase === 'degraded' ? 'Recovered' : before
}

/**
 * Names of the pods that own slots, by the slots of their shard. By all tables, not by the owners' own
 * word: one that died owns them until another took over. The highest epoch knows it best.
 */
function ownersByShard(view: ClusterView): Map<string, string> {
  const names = new Map(view.pods.map(({ pod }) => [pod.hostname, pod.name]))
  const epochs = new Map<string, number>()
  const owners = new Map<string, string>()
  for (const node of view.pods.flatMap(pod => serverOf(pod)?.nodes ?? [])) {
    const name = names.get(node.hostname)
    if (name === undefined || node.role !== 'master' || !ownsSlots(node)) continue
    const shard = describeSlots(node.slots)
    if (node.configEpoch < (epochs.get(shard) ?? -1)) continue
    epochs.set(shard, node.configEpoch)
    owners.set(shard, name)
  }
  return owners
}

/** What happened between two cycles of one coordinator; the first cycle only sets the scene. */
export function happenings(
  before: Moment,
  now: { readonly view: ClusterView; readonly plan: Plan; readonly done: readonly Action[] },
): Happening[] {
  const { phase, because } = now.plan
  const found: Happening[] = []
  if (before.phase !== phase) {
    if (phase === 'ok' && before.unsettled !== null)
      found.push({ reason: before.unsettled, message: because })
    if (phase === 'paused') found.push({ reason: 'Paused', message: because })
    if (before.phase === 'paused') found.push({ reason: 'Resumed', message: 'plans go on' })
    if (phase === 'blocked') found.push({ reason: 'Blocked', message: because })
  }
  for (const action of now.done) {
    const name = now.view.pods.find(({ pod }) => pod.ordinal === action.pod)?.pod.name
    if (action.type === 'replicate')
      found.push({ reason: 'ReplicaAttached', message: `${name} becomes ${action.who}` })
  }
  const forgotten = now.done.find(action => action.type === 'forget')
  if (forgotten) found.push({ reason: 'Forgotten', message: because })
  if (before.view) {
    const old = ownersByShard(before.view)
    for (const [shard, owner] of ownersByShard(now.view)) {
      const was = old.get(shard)
      if (was !== undefined && was !== owner)
        found.push({
          reason: 'MasterReplaced',
          message: `${owner} took over slots ${shard} from ${was}`,
        })
    }
  }
  return found
}
