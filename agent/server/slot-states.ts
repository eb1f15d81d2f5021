import { isFailed, type ClusterNode } from '../cluster/nodes.ts'
import { countSlots, SLOT_COUNT } from '../cluster/slots.ts'

/** How many slots are in which state, in the table of one server; as CLUSTER INFO counts them. */
export type SlotStates = {
  readonly ok: number
  /** Their owner may have failed: it does not answer this server. */
  readonly pfail: number
  /** Their owner has failed, by the word of a majority. */
  readonly fail: number
  readonly unassigned: number
}

/** Counts the slots of the table by the state of their owner. */
export function slotsByState(nodes: readonly ClusterNode[]): SlotStates {
  let ok = 0
  let pfail = 0
  let fail = 0
  for (const node of nodes) {
    const slots = countSlots(node.slots)
    if (isFailed(node)) fail += slots
    else if (node.flags.has('fail?')) pfail += slots
    else ok += slots
  }
  return { ok, pfail, fail, unassigned: SLOT_COUNT - ok - pfail - fail }
}
