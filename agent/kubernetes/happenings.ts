import { ownsSlots } from '../cluster/members.ts'
import { myself } from '../cluster/nodes.ts'
import { serverOf, type ClusterView } from '../cluster/view.ts'
import type { Phase, Plan } from '../plan/action.ts'
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

/** Names of the pods whose servers own slots, by the first slot of their shard. */
function ownersByShard(view: ClusterView): Map<string, string> {
  return new Map(
    view.pods.flatMap(pod => {
      const self = myself(serverOf(pod)?.nodes ?? [])
      if (!self || self.role !== 'master' || !ownsSlots(self)) return []
      return [[self.slots.map(([first, last]) => `${first}-${last}`).join(' '), pod.pod.name]]
    }),
  )
}

/** What happened between two cycles of one coordinator; the first cycle only sets the scene. */
export function happenings(
  before: Moment,
  now: { readonly view: ClusterView; readonly plan: Plan },
): Happening[] {
  const { phase, because, actions } = now.plan
  const found: Happening[] = []
  if (before.phase !== phase) {
    if (phase === 'ok' && before.unsettled !== null)
      found.push({ reason: before.unsettled, message: because })
    if (phase === 'paused') found.push({ reason: 'Paused', message: because })
    if (before.phase === 'paused') found.push({ reason: 'Resumed', message: 'plans go on' })
    if (phase === 'blocked') found.push({ reason: 'Blocked', message: because })
  }
  for (const action of actions) {
    const name = now.view.pods.find(({ pod }) => pod.ordinal === action.pod)?.pod.name
    if (action.type === 'replicate')
      found.push({ reason: 'ReplicaAttached', message: `${name} becomes ${action.who}` })
  }
  const forgotten = actions.find(action => action.type === 'forget')
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
