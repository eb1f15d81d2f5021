import { isHandshake, type ClusterNode } from './nodes.ts'
import type { ServerFacts } from './view.ts'

/**
 * Nodes in a server's table that announce no name below our Service: another cluster's, or nobody's.
 * They are reported and never given anything. A node that has not said its name yet is none.
 */
export const strangers = (server: ServerFacts, serviceDomain: string): ClusterNode[] =>
  server.nodes.filter(
    node =>
      !node.flags.has('myself') &&
      !isHandshake(node) &&
      node.hostname !== '' &&
      !node.hostname.endsWith(`.${serviceDomain}`),
  )
