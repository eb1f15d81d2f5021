import type { NodeId } from '../cluster/node-id.ts'
import { foreignNodes } from '../cluster/strangers.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { Log } from '../log.ts'

/** Logs each node that is none of our pods once for as long as somebody knows it. */
export function createStrangerNotes(log: Log, serviceDomain: string): (view: ClusterView) => void {
  let noted = new Set<NodeId>()
  return view => {
    const strangers = foreignNodes(view, serviceDomain)
    for (const { id, hostname, ip } of strangers)
      if (!noted.has(id)) log.warn('stranger.seen', { nodeId: id, hostname, ip })
    noted = new Set(strangers.map(({ id }) => id))
  }
}
