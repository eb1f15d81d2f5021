import { describeLoss, lostShards } from '../../cluster/lost-shards.ts'
import { hasMajority, knownOwners } from '../../cluster/members.ts'
import type { ClusterRule } from '../rule.ts'

/**
 * Situation: of some slots no copy is left, and nobody gave up their data.
 * Action: none, with what is lost and what a person can do. Safe: nothing is papered over; a volume
 * that comes back brings the slots back.
 */
export const reportLoss: ClusterRule = ({ view, members, wish }) => {
  if (view.dnsFailure !== null) return null
  const lost = lostShards(view, members, wish.goneAfterMs)
  if (lost.length === 0) return null
  return {
    phase: 'degraded',
    because:
      `no copy is left of ${describeLoss(lost)}: bring a volume of it back, ` +
      'or give its data up by `agent fix --accept-data-loss`',
    actions: [],
  }
}

/**
 * Situation: half of the masters with slots or more do not answer.
 * Action: none. Safe: what is silent may live beyond a partition, and then its side decides; what is
 * proven gone is taken over by an earlier rule once the time is up.
 */
export const reportMinority: ClusterRule = ({ members, missing, wish }) => {
  const owners = knownOwners(members)
  if (owners.size === 0 || hasMajority(members)) return null
  const here = members.filter(member => owners.has(member.server.nodeId)).length
  const names = missing.map(({ name }) => name).slice(0, 5)
  const who = names.length > 0 ? `; silent: ${names.join(', ')}` : ''
  const then =
    wish.api === 'off'
      ? 'KUBERNETES is off, so nobody can prove that they are gone: bring them back'
      : `they are waited for, or must be gone for ${wish.goneAfterMs / 1000} s by the API's proof`
  return {
    phase: 'degraded',
    because: `${here} of ${owners.size} masters with slots answer, too few for a vote${who}; ${then}`,
    actions: [],
  }
}
