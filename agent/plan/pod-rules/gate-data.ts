import { countSlots } from '../../cluster/slots.ts'
import type { ClusterNode } from '../../cluster/nodes.ts'
import {
  opened,
  held,
  stuck,
  type GateDecision,
  type GateFacts,
  type GateRule,
} from './gate-facts.ts'
import {
  bestCopy,
  copiesOf,
  isTakenOver,
  keptNode,
  majorityAnswers,
  masterAnswers,
  slotsWithoutOwner,
} from './gate-views.ts'

/** So many starts without an answer are no accident. */
export const FAILED_STARTS = 3

/** Whether the data lives elsewhere too, so that what does not load here may be set aside. */
function hasHealthyCopy(facts: GateFacts, own: ClusterNode): boolean {
  if (own.role === 'replica') return masterAnswers(facts, own)
  return countSlots(own.slots) === 0 ? slotsWithoutOwner(facts) === 0 : isTakenOver(facts, own)
}

/** Opens without the dataset; a damaged file goes with it, or its id could not be kept. */
const withoutDataset = (facts: GateFacts, because: string): GateDecision =>
  facts.nodesConf.state === 'damaged'
    ? opened(because, 'salvage', ['dataset', 'nodes.conf'])
    : opened(because, 'rewrite', ['dataset'])

/**
 * Situation: a server with a dataset was started three times and never answered: the dataset does
 * not load. Action: once a living node has the same data (after a take-over, for a master) the
 * dataset is set aside and the server copies it anew; with no copy the gate stays closed and says
 * what to do. Why it is safe: nothing is deleted, and the last copy of a shard is never given up.
 */
export const dataDoesNotLoad: GateRule = facts => {
  const own = keptNode(facts.nodesConf)
  if (!own || facts.dataset !== 'present' || facts.failedStarts < FAILED_STARTS) return null
  const what = `the server did not come up in ${facts.failedStarts} starts with its dataset`
  if (hasHealthyCopy(facts, own))
    return withoutDataset(facts, `${what}; another node has the data: it is copied anew`)
  const copies = copiesOf(facts, own.id).filter(copy => copy.state === 'data')
  if (own.role === 'master' && copies.length > 0 && majorityAnswers(facts))
    return held(
      `${what}; ${copies.map(copy => copy.hostname).join(', ')} has the data and takes over first`,
      bestCopy(copies)?.hostname ?? null,
    )
  return stuck(
    `${what} and no other node answers that has the data; see the log of the server, repair ` +
      `or restore the files in DATA_DIR (redis-check-aof, redis-check-rdb), then delete the pod`,
  )
}

/**
 * Situation: a dataset, and no nodes.conf that says whose: lost, blank, or not readable. Action: if
 * every slot has a living owner both are set aside and the node joins blank; else the server stays
 * down and says so. Why it is safe: started with them it would claim the slots of its keys, or drop
 * the keys; and if a slot has no owner, these keys may be the only ones left.
 */
export const datasetOfNobody: GateRule = facts => {
  if (facts.dataset !== 'present' || keptNode(facts.nodesConf)) return null
  const { nodesConf } = facts
  const why =
    nodesConf.state === 'none'
      ? 'there is a dataset and no nodes.conf'
      : nodesConf.state === 'damaged'
        ? `there is a dataset and nodes.conf cannot be read (${nodesConf.because})`
        : `there is a dataset and nodes.conf does not say where it belongs`
  const ownerless = slotsWithoutOwner(facts)
  if (ownerless > 0)
    return stuck(
      `${why}; ${ownerless} slots have no living owner, so this may be their last copy: bring back ` +
        `the pod that owns them, restore nodes.conf, or move the files out of DATA_DIR`,
    )
  const setAside = nodesConf.state === 'none' ? [] : (['nodes.conf'] as const)
  return opened(
    `${why}; every slot has a living owner: it is set aside and the node joins anew`,
    'blank',
    ['dataset', ...setAside],
  )
}

/**
 * Situation: no dataset, and no node to go on with: a new volume, a server that never met another,
 * or a file that cannot be read. Action: open; what cannot be read is set aside. Why it is safe: a
 * node without slots and keys can only be given some.
 */
export const nothingToKeep: GateRule = facts => {
  const { nodesConf } = facts
  if (keptNode(nodesConf)) return null
  switch (nodesConf.state) {
    case 'none':
      return opened('the volume is new', 'keep')
    case 'blank':
      return opened('the node never was in a cluster', 'keep')
    case 'damaged':
      return opened(
        `nodes.conf cannot be read (${nodesConf.because}) and there is no dataset: it starts anew`,
        'blank',
        ['nodes.conf'],
      )
    case 'member':
      return opened('nodes.conf lacks the master of this replica: it starts anew', 'blank', [
        'nodes.conf',
      ])
  }
}
