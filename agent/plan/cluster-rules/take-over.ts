import { isGone, majorityIsGone } from '../../cluster/absence.ts'
import { silentShards, type SilentShard } from '../../cluster/lost-shards.ts'
import { hasMajority, type Member } from '../../cluster/members.ts'
import type { ClusterRule, Situation } from '../rule.ts'

/** A shard that nobody can vote for, or whose replica waited too long to stand, and who is to have it. */
export type Succession = {
  readonly shard: SilentShard
  readonly heir: Member
  readonly mode: 'force' | 'takeover'
}

/**
 * Situation: by the API's proof no process has run a master for as long as the setting says, and a
 * replica of it answers with data. Either so many masters are gone that the rest cannot vote, or the
 * rest can, and the replica does not stand by itself any more: after ten node-timeouts without its
 * master Redis refuses to.
 * Action: the replica that has read most gets a failover, one shard a cycle: without a vote only where
 * no vote is possible, else by vote. After one takeover the next shard often has its majority again.
 * Safe to repeat: the heir is a master afterwards, and its shard is silent no more. Never on silence
 * alone: silent masters that are not proven gone count as living, as beyond a partition they may be
 * electing somebody already.
 */
export const takeOver: ClusterRule = situation => {
  const succession = successionOf(situation)
  if (!succession) return null
  const { shard, heir, mode } = succession
  const seconds = situation.wish.goneAfterMs / 1000
  const how =
    mode === 'takeover' ? 'and too few masters are left for a vote' : 'and it may be elected'
  return {
    phase: 'healing',
    because: `${shard.hostname.split('.')[0]} is gone for ${seconds} s by the API's proof; ${heir.pod.pod.name} has its data, ${how}`,
    actions: [{ type: 'failover', pod: heir.ordinal, mode }],
  }
}

/** Who succeeds whom now; null if nobody may. The invariants ask the same. */
export function successionOf({
  view,
  members,
  wish,
}: Pick<Situation, 'view' | 'members' | 'wish'>): Succession | null {
  if (view.dnsFailure !== null) return null
  const shard = silentShards(members).find(
    ({ id, copies }) => copies.length > 0 && isGone(view, id, wish.goneAfterMs),
  )
  const heir = shard?.copies[0]
  if (!shard || !heir) return null
  if (hasMajority(members)) return { shard, heir, mode: 'force' }
  return majorityIsGone(members, view, wish.goneAfterMs) ? { shard, heir, mode: 'takeover' } : null
}
