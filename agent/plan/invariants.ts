import { answered, areAcquainted, hasMajority, type Member } from '../cluster/members.ts'
import type { ClusterView, Wish } from '../cluster/view.ts'
import { countSlots, subtract } from '../cluster/slots.ts'
import { describe, type Action, type Plan } from './action.ts'
import { givenUpShard } from './cluster-rules/give-up-slots.ts'
import { successionOf } from './cluster-rules/take-over.ts'

/**
 * What must hold for every plan of the coordinator, whatever rule made it:
 * never forget a node that owns slots in any view; never give a slot that somebody owns; never act on
 * a minority's view; at most one failover of a shard at a time; never make a replica of a pod that
 * holds slots or keys; introduce only pods that were looked up; take over without a vote, and take
 * slots without their data, only on the proof and the wish that the two rules ask for.
 * @returns one sentence for each breach; none if the plan may be executed.
 */
export function breaches(plan: Plan, view: ClusterView, wish?: Wish): string[] {
  if (plan.actions.length === 0) return []
  const members = answered(view)
  const found = plan.actions.flatMap(action => breachOf(action, members, view, wish))
  if (
    !hasMajority(members) &&
    members.some(knowsOwners) &&
    !plan.actions.every(isAllowedToMinority)
  )
    found.push('more than half of the masters did not answer, and a minority decides nothing')
  const shards = plan.actions.flatMap(action =>
    action.type === 'failover' ? (masterOf(action, members) ?? []) : [],
  )
  if (new Set(shards).size < shards.length) found.push('two failovers in one shard')
  return found
}

const knowsOwners = (member: Member): boolean =>
  member.server.nodes.some(node => node.slots.length > 0)

const masterOf = (action: Action, members: readonly Member[]): string | null | undefined =>
  members.find(member => member.ordinal === action.pod)?.self.masterId

/** Introductions and settings destroy nothing; the rest is what a lost majority needs, on its own proof. */
const isAllowedToMinority = (action: Action): boolean =>
  action.type === 'meet' ||
  action.type === 'set-config' ||
  action.type === 'failover' ||
  action.type === 'take-slots'

/** Whether a MEET would bring two owners of the same slots together who never heard of each other. */
function mergesClusters(from: Member, members: readonly Member[], address: string): boolean {
  const to = members.find(member => member.address === address)
  if (!to || areAcquainted(from, to)) return false
  return countSlots(subtract(from.self.slots, to.self.slots)) < countSlots(from.self.slots)
}

function breachOf(
  action: Action,
  members: readonly Member[],
  view: ClusterView,
  wish: Wish | undefined,
): string[] {
  const member = members.find(({ ordinal }) => ordinal === action.pod)
  const refuse = (because: string): string[] => [`${describe(action)}: ${because}`]
  if (!member) return refuse('that pod did not answer')
  switch (action.type) {
    case 'forget':
      return members.some(({ server }) =>
        server.nodes.some(node => node.id === action.nodeId && node.slots.length > 0),
      )
        ? refuse('that node owns slots')
        : []
    case 'add-slots': {
      const wanted = countSlots(action.ranges)
      return members.some(({ server }) =>
        server.nodes.some(
          ({ slots }) => slots.length > 0 && countSlots(subtract(action.ranges, slots)) < wanted,
        ),
      )
        ? refuse('a slot of these has an owner')
        : []
    }
    case 'replicate':
      return member.self.role === 'master' &&
        (member.self.slots.length > 0 || member.server.keys > 0)
        ? refuse('that pod holds slots or keys')
        : []
    case 'meet':
      return view.pods.some(({ address }) => address === action.address)
        ? mergesClusters(member, members, action.address)
          ? refuse('both own the same slots and neither knows the other: two clusters would merge')
          : []
        : refuse('no pod was looked up at that address')
    case 'set-config':
    case 'set-config-epoch':
      return []
    case 'failover': {
      if (action.mode !== 'takeover') return []
      const may = wish && mayTakeOver(member, { view, members, wish })
      return may ? [] : refuse('its master is not proven gone, or a vote is possible')
    }
    case 'take-slots': {
      const shard = wish ? givenUpShard({ view, members, wish }) : null
      return member.self.role === 'master' &&
        shard &&
        subtract(action.ranges, shard.slots).length === 0
        ? []
        : refuse('these slots are not lost, or nobody gave them up')
    }
  }
}

function mayTakeOver(
  member: Member,
  facts: { readonly view: ClusterView; readonly members: readonly Member[]; readonly wish: Wish },
): boolean {
  const succession = successionOf(facts)
  const master = member.self.masterId
  return (
    (succession?.mode === 'takeover' && succession.heir.ordinal === member.ordinal) ||
    (master !== null && givenUpShard(facts)?.id === master)
  )
}
