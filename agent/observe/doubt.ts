import { isHandshake } from '../cluster/nodes.ts'
import type { ClusterNode } from '../cluster/nodes.ts'
import type { ServerFacts } from '../cluster/view.ts'

/**
 * Hostnames of the nodes whose address this server may have wrong: no link, no address, failing,
 * or, for a replica, a master that it replicates from elsewhere or not at all (Redis can forget to
 * re-point replication after an address changed, while its CLUSTER NODES looks perfect). Only names
 * below our own service: nobody else's are looked up. Empty in a healthy cluster of any size.
 */
export function hostnamesInDoubt(server: ServerFacts, serviceDomain: string): readonly string[] {
  const own = server.nodes.find(node => node.flags.has('myself'))
  const names = server.nodes
    .filter(node => node !== own && !isHandshake(node) && isInDoubt(node, own, server))
    .map(node => node.hostname)
    .filter(name => name.endsWith(`.${serviceDomain}`) && name !== own?.hostname)
  return [...new Set(names)].sort()
}

function isInDoubt(node: ClusterNode, own: ClusterNode | undefined, server: ServerFacts): boolean {
  const { flags } = node
  if (!node.linked || node.ip === '') return true
  if (flags.has('noaddr') || flags.has('fail') || flags.has('fail?')) return true
  const { masterHost, masterPort, linkUp } = server.replication
  if (own?.masterId !== node.id) return false
  return !linkUp || masterHost !== node.ip || masterPort !== node.port
}
