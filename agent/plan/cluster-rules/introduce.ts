import { isMeeting, knows, type Member } from '../../cluster/members.ts'
import type { Action } from '../action.ts'

/** Up to so many pods everybody is introduced to everybody; above, to the hubs (mechanics section 2). */
export const FULL_MESH_PODS = 30

/** Above that, so many pods with the lowest ordinals know all; the rest follows by gossip. */
export const HUBS = 3

/**
 * A MEET for each two members that do not know each other; one direction is enough, both are sent
 * where both lack the other, as then nobody waits for gossip. A pair that shakes hands is left alone.
 * Above 30 pods only the first introduces itself: more handshakes at once starve a small machine.
 */
export function introduce(members: readonly Member[]): Action[] {
  const mesh = members.length <= FULL_MESH_PODS
  return members.flatMap((from, i) =>
    members.flatMap((to): Action[] => {
      if (from === to || (!mesh && i > 0)) return []
      if (knows(from, to) || isMeeting(from, to)) return []
      return [meet(from, to)]
    }),
  )
}

/** One member introduces itself to another. */
export const meet = (from: Member, to: Member): Action => ({
  type: 'meet',
  pod: from.ordinal,
  address: to.address,
  port: to.self.port,
  who: to.pod.pod.name,
})
