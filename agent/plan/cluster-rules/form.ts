import { assignSlots, mastersFor } from '../../cluster/formation.ts'
import { knownPeers, placeOf, type Member } from '../../cluster/members.ts'
import { countSlots, SLOT_COUNT } from '../../cluster/slots.ts'
import { agentOf } from '../../cluster/view.ts'
import type { Action } from '../action.ts'
import type { ClusterRule, Situation } from '../rule.ts'
import { introduce } from './introduce.ts'

/** Node-timeout while an empty cluster forms: the shortest that 100 servers on few cores bear. */
const formingTimeoutMs = (pods: number): number => (pods > 30 ? 1000 : 500)

/** Boot time within which a server that gets slots does not wait before it says ok (mechanics: 2 s). */
const WRITABLE_DELAY_MS = 1500

/**
 * Situation: every expected pod answered, agent and server; nobody knows a node that is not one of
 * them, and the slots that are owned are a part of the plan for so many pods; some slots have no
 * owner, or somebody is not acquainted with anybody. That is a cluster that does not exist yet, or one whose formation was interrupted.
 * Action: first an epoch for each and the slots for the masters, then, when all have theirs, the
 * acquaintance of all with all. Replicas follow by the rule `replicate`.
 * Safe to repeat: what a server has already is read from it and not given again; the plan follows
 * from ordinals, places and the slots that are owned, so another coordinator makes the same one. No
 * slot is given that anybody in any view owns, and never while one peer is missing: it might know
 * the real cluster.
 */
export const form: ClusterRule = situation => {
  const { members, group, wish, view } = situation
  if (!everyoneIsHere(situation) || !areOnlyUs(members)) return null
  const owned = countSlots(members.flatMap(member => member.self.slots))
  if (owned === SLOT_COUNT && group.length === members.length) return null
  if (members.some(member => member.server.keys > 0 && member.self.slots.length === 0)) return null
  const masters = mastersFor(wish.pods, wish.replicasPerMaster, wish.masters)
  const plan = assignSlots(
    members.map(member => ({ ...placeOf(member), slots: member.self.slots })),
    masters,
  )
  if (!plan) return null
  const because = (what: string): string =>
    `${members.length} of ${wish.pods} pods answered and ${SLOT_COUNT - owned} slots have no owner: ${what}`
  const prepared = members.flatMap(member => prepare(member, plan, view.pods.length))
  if (prepared.length > 0)
    return {
      phase: 'forming',
      because: because(`${masters} masters get their slots`),
      actions: prepared,
    }
  return {
    phase: 'forming',
    because: because('all pods meet'),
    actions: introduce(members),
  }
}

const everyoneIsHere = ({ view, wish, members }: Situation): boolean =>
  view.dnsFailure === null &&
  view.pods.length === wish.pods &&
  members.length === wish.pods &&
  view.pods.every(pod => agentOf(pod) !== undefined)

/** Whether every node that anybody knows is one of these members. */
export function areOnlyUs(members: readonly Member[]): boolean {
  const ours = new Set(members.map(member => member.server.nodeId))
  return members.every(member => knownPeers(member.server).every(node => ours.has(node.id)))
}

/** What a founder still lacks before it may meet the others. */
function prepare(
  member: Member,
  plan: ReadonlyMap<number, readonly [number, number]>,
  pods: number,
): Action[] {
  const { ordinal: pod, self, server } = member
  const range = plan.get(pod)
  const alone = server.nodes.length === 1
  const actions: Action[] = []
  const timeout = formingTimeoutMs(pods)
  if (server.keys === 0 && server.settings.nodeTimeoutMs > timeout && mayLower(member, range))
    actions.push({
      type: 'set-config',
      pod,
      settings: { 'cluster-node-timeout': `${timeout}`, 'repl-diskless-sync-delay': '0' },
    })
  // Epochs are only settable while a node is alone. Masters get the higher ones: a replica-to-be
  // that met the others with a higher epoch than its master's would win no slots, but cost a bump.
  if (alone && self.configEpoch === 0)
    actions.push({
      type: 'set-config-epoch',
      pod,
      epoch: range ? pods + pod + 1 : pod + 1,
    })
  if (range && self.slots.length === 0) actions.push({ type: 'add-slots', pod, ranges: [range] })
  // Lowering alone is not worth a cycle of its own once a founder is prepared otherwise.
  return actions.length === 1 && actions[0]?.type === 'set-config' && !alone ? [] : actions
}

/** A server in its first seconds needs no lowered time-out: it says ok as soon as it has its slots. */
const mayLower = (member: Member, range: readonly [number, number] | undefined): boolean =>
  range === undefined || member.server.uptimeMs > WRITABLE_DELAY_MS
