import { peersOf } from '../../cluster/nodes-conf.ts'
import { countSlots } from '../../cluster/slots.ts'
import type { AddressOf } from '../../cluster/nodes-conf-rewrite.ts'
import { datasetOfNobody, dataDoesNotLoad, FAILED_STARTS, nothingToKeep } from './gate-data.ts'
import {
  blankWhereReplicasLook,
  emptyAndCopiesAway,
  emptyAndCopyLives,
  emptyAndNothingToLose,
  emptyAndTakenOver,
  openKept,
} from './gate-empty.ts'
import { held, opened, type GateDecision, type GateFacts, type GateRule } from './gate-facts.ts'
import { isTakenOver, keptNode, vouched } from './gate-views.ts'

/** How long a start waits for the peers' agents; whoever is not known by then is healed by MEET. */
export const VOUCH_WAIT_MS = 500

/**
 * Situation: a master with slots died, and its agent has asked a replica to take over. Action: hold
 * until others say that it did, for node-timeout at most. Why: the old master would take writes that
 * are lost a moment later.
 */
const handingOver: GateRule = facts => {
  const own = keptNode(facts.nodesConf)
  if (!own || countSlots(own.slots) === 0 || !facts.handoverUnderWay) return null
  if (facts.waitedMs >= facts.nodeTimeoutMs || isTakenOver(facts, own)) return null
  return held('a replica is taking over')
}

/**
 * Situation: a member with what it needs: its dataset, or no slots. Action: rewrite the addresses and
 * open, after a short wait for the agents that can vouch for them. Why it is safe: an address is
 * written only where that very node was found; all others lead nowhere. A server that would not start
 * twice gets the file without fields that an older server may refuse.
 */
const member: GateRule = facts => {
  const { nodesConf } = facts
  if (nodesConf.state !== 'member') return null
  const peers = peersOf(nodesConf)
  const known = peers.filter(peer => vouched(facts, peer.hostname, peer.id) !== null).length
  if (known < peers.length && facts.waitedMs < VOUCH_WAIT_MS)
    return held('asking the other pods which node lives where')
  const because = `a member of the cluster; ${known} of ${peers.length} other nodes were found`
  return opened(because, facts.failedStarts === FAILED_STARTS - 1 ? 'plain' : 'rewrite')
}

/**
 * Situation: nodes.conf is damaged, and what has to be kept of it can be read. Action: set it aside
 * and start with that; MEET heals the rest. Why it is safe: id, slots and epoch are as written, and
 * a newer claim to the slots wins.
 */
const damaged: GateRule = facts => {
  if (facts.nodesConf.state !== 'damaged' || !keptNode(facts.nodesConf)) return null
  return openKept(facts, 'the own line of nodes.conf can be read')
}

/** The first rule that decides wins. */
const rules: readonly GateRule[] = [
  handingOver,
  // Before all that opens on a dataset: this one does not load.
  dataDoesNotLoad,
  // Before all that starts with a new id: that is what the replica would copy.
  blankWhereReplicasLook,
  datasetOfNobody,
  nothingToKeep,
  emptyAndTakenOver,
  emptyAndNothingToLose,
  emptyAndCopyLives,
  // Last of the four: it gives the old id up.
  emptyAndCopiesAway,
  member,
  damaged,
]

/** Whether the server of this pod may start now, and what has to be done to its files first. */
export function decideGate(facts: GateFacts): GateDecision {
  for (const rule of rules) {
    const decision = rule(facts)
    if (decision) return decision
  }
  return held('no rule of the gate knows this situation')
}

/** Whether the decision depends on what other servers say; else their agents are enough. */
export function needsServers(
  facts: Pick<GateFacts, 'nodesConf' | 'dataset' | 'failedStarts' | 'handoverUnderWay'>,
): boolean {
  const own = keptNode(facts.nodesConf)
  if (!own || facts.handoverUnderWay || facts.failedStarts >= FAILED_STARTS) return true
  return countSlots(own.slots) > 0 && facts.dataset !== 'present'
}

/** The vouched addresses, as the rewriting of nodes.conf wants them. */
export const addressesIn =
  (facts: GateFacts): AddressOf =>
  (hostname, id) => {
    const ip = vouched(facts, hostname, id)
    return ip === null ? null : { ip }
  }
