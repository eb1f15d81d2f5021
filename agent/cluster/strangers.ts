import { isHandshake, type ClusterNode } from './nodes.ts'
import { serverOf, type ClusterView, type ServerFacts } from './view.ts'

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

/**
 * The strangers that any server knows, each once, by what the coordinator sees. When every pod
 * answered, a node with a working link that says no name and is none of theirs is a stranger too: all
 * of our servers announce one.
 */
export function foreignNodes(view: ClusterView, serviceDomain: string): ClusterNode[] {
  const servers = view.pods.flatMap(pod => serverOf(pod) ?? [])
  const ours = new Set(servers.map(server => server.nodeId))
  const nameless = servers.flatMap(server => server.nodes).filter(isNamelessAndWell)
  const isWhole = servers.length === view.pods.length
  const found = [
    ...servers.flatMap(server => strangers(server, serviceDomain)),
    ...(isWhole ? nameless : []),
  ]
  const byId = new Map(found.map(node => [node.id, node] as const))
  return [...byId.values()].filter(node => !ours.has(node.id))
}

const isNamelessAndWell = (node: ClusterNode): boolean =>
  node.hostname === '' &&
  node.linked &&
  !isHandshake(node) &&
  !node.flags.has('fail') &&
  !node.flags.has('fail?')
