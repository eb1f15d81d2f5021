import { shortId } from '../../cluster/node-id.ts'
import type { ClusterNode } from '../../cluster/nodes.ts'
import { countSlots } from '../../cluster/slots.ts'
import { agentOf, serverOf } from '../../cluster/view.ts'
import { held, opened, type GateFacts, type GateDecision, type GateRule } from './gate-facts.ts'
import {
  bestCopy,
  copiesOf,
  isTakenOver,
  keptNode,
  majorityAnswers,
  tables,
  type Copy,
} from './gate-views.ts'

const hasData = ({ state }: Copy): boolean => state === 'data' || state === 'coming'
const names = (copies: readonly Copy[]): string => copies.map(copy => copy.hostname).join(', ')

/** The node if it owns slots and its server would start without the keys that it may have had. */
function emptyOwner(facts: GateFacts): ClusterNode | null {
  if (facts.dataset === 'present') return null
  const own = keptNode(facts.nodesConf)
  return own && countSlots(own.slots) > 0 ? own : null
}

/** Opens with the id that the file has, in the way that the file allows. */
export const openKept = (facts: GateFacts, because: string): GateDecision =>
  facts.nodesConf.state === 'damaged'
    ? opened(`${because}; nodes.conf was damaged (${facts.nodesConf.because})`, 'salvage', [
        'nodes.conf',
      ])
    : opened(because, 'rewrite')

/**
 * Situation: an empty server owned slots, and the tables of others give all of them to nodes that
 * claimed them later. Action: open. Why it is safe: a higher epoch wins, so this server becomes a
 * replica of the new owner; nobody copies from it.
 */
export const emptyAndTakenOver: GateRule = facts => {
  const own = emptyOwner(facts)
  if (!own || !isTakenOver(facts, own)) return null
  return openKept(facts, 'another node owns its slots now: it comes back as a replica')
}

/**
 * Situation: an empty server owns slots, and every copy of its shard is known to be empty or gone: a
 * cache without persistence, all of it restarted. Action: open with its id. Why it is safe: there is
 * nothing to lose. A damaged file names no copies, so then somebody's table must; and a pod that DNS
 * failed to name may have one.
 */
export const emptyAndNothingToLose: GateRule = facts => {
  const own = emptyOwner(facts)
  if (!own || !facts.areNamed) return null
  if (facts.nodesConf.state === 'damaged' && tables(facts).length === 0) return null
  const copies = copiesOf(facts, own.id)
  if (copies.some(copy => copy.state !== 'empty' && copy.state !== 'gone')) return null
  const why = copies.length === 0 ? 'has no copies' : `has only empty copies (${names(copies)})`
  return openKept(facts, `the server is empty and its shard ${why}: nothing can be lost`)
}

/**
 * Situation: an empty server owns slots, a copy with data lives, and enough masters answer to elect
 * it. Action: hold, however long, and ask the best copy to take over. Why: within node-timeout the
 * copies would copy the empty server and lose everything (mechanics: the first trap).
 */
export const emptyAndCopyLives: GateRule = facts => {
  const own = emptyOwner(facts)
  if (!own || !majorityAnswers(facts)) return null
  const living = copiesOf(facts, own.id).filter(copy => copy.state === 'data')
  if (living.length === 0) return null
  const best = bestCopy(living)
  return held(
    `the server is empty and owns slots; ${names(living)} has the data and has to take over first`,
    best?.hostname ?? null,
  )
}

/**
 * Situation: an empty server owns slots, and its copies are silent, or no majority of masters can
 * elect one. Action: hold for twice node-timeout, then open with a new id; hold on while most other
 * agents are silent, as then this pod sees too little, or DNS fails, and nobody could be served
 * anyway: a cache whose pods all restart without DNS must not lose its ids. A server without keys when
 * it ended, by its own append-only files, starts as any other unless a copy is known to have data: a
 * new cluster has to survive its first restart without DNS. Why it is safe: the copies follow the old
 * id, which never comes back; whatever data they have stays theirs.
 */
export const emptyAndCopiesAway: GateRule = facts => {
  const own = emptyOwner(facts)
  if (!own) return null
  const copies = copiesOf(facts, own.id)
  const areKnown = facts.areNamed || facts.nodesConf.state === 'member'
  if (facts.wasEmpty && areKnown && !copies.some(hasData)) return null
  const which = copies.length === 0 ? 'unknown copies' : names(copies)
  const heard = facts.peers.filter(agentOf).length
  const isAlone = !facts.areNamed || heard === 0 || heard * 2 < facts.peers.length
  if (facts.waitedMs < 2 * facts.nodeTimeoutMs || isAlone)
    return held(
      `the server is empty and owns slots; waiting for its shard's copies: ${which}` +
        (isAlone ? `; ${heard} of ${facts.peers.length} other agents answer` : '') +
        (facts.areNamed ? '' : '; DNS does not say which pods there are'),
    )
  return opened(
    `the server is empty and nobody could take over from ${which}: it starts with a new id, ` +
      `${shortId(own.id)} stays with its copies`,
    'blank',
    ['nodes.conf'],
  )
}

/**
 * Situation: the server would start with a new id, and a replica with data copies from this pod's
 * address: the node that lived here lost its volume. Action: hold and ask that replica to take over;
 * if its master is not a node of this pod it only has an old address, which its agent heals within
 * twice node-timeout. While DNS does not say whom to ask it is held too. Why: before Valkey 9.1 the
 * replica would copy the blank server at once.
 */
export const blankWhereReplicasLook: GateRule = facts => {
  if (keptNode(facts.nodesConf)) return null
  for (const peer of facts.peers) {
    const server = serverOf(peer)
    if (!server || server.keys === 0) continue
    const { role, masterHost } = server.replication
    if (role !== 'replica' || masterHost !== facts.own.ip) continue
    const self = server.nodes.find(node => node.id === server.nodeId)
    const master = server.nodes.find(node => node.id === self?.masterId)
    const lostHere = master?.hostname === facts.own.hostname
    if (!lostHere && facts.waitedMs >= 2 * facts.nodeTimeoutMs) continue
    return held(
      `the server is new and ${peer.pod.hostname} still copies from this address; ` +
        `it would lose its data`,
      lostHere && majorityAnswers(facts) ? peer.pod.hostname : null,
    )
  }
  return facts.areNamed
    ? null
    : held(
        'the server is new and DNS does not say which pods there are, to ask who copies from here',
      )
}
