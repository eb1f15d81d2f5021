import { describeLoss, lostShards, slotsOf } from './cluster/lost-shards.ts'
import { answered } from './cluster/members.ts'
import { countSlots, type SlotRange } from './cluster/slots.ts'
import type { ClusterView, Wish } from './cluster/view.ts'

/** What `agent fix` answers, and the slots whose data the person has given up by it. */
export type FixAnswer = { readonly text: string; readonly accepts: readonly SlotRange[] | null }

/** What only a person may decide, by what this coordinator sees; pure. */
export function answerFix(
  view: ClusterView | null,
  wish: Wish | string,
  acceptDataLoss: boolean,
): FixAnswer {
  const nothing = (text: string): FixAnswer => ({
    text: `${text}; nothing was changed`,
    accepts: null,
  })
  if (!view) return nothing('this agent does not coordinate the cluster now: try again')
  if (typeof wish === 'string') return nothing(`nothing can be decided at present: ${wish}`)
  const lost = lostShards(view, answered(view), wish.goneAfterMs)
  if (lost.length === 0) return nothing('nothing is broken that only a person may decide')
  const slots = slotsOf(lost)
  const loss = `no copy is left of ${describeLoss(lost)} (${countSlots(slots)} slots)`
  return acceptDataLoss
    ? { text: `${loss}; their data is given up and other pods take the slots`, accepts: slots }
    : nothing(`${loss}; to give their data up, repeat this with --accept-data-loss`)
}
