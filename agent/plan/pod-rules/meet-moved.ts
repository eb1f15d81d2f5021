import { isHandshake } from '../../cluster/nodes.ts'
import { serverOf } from '../../cluster/view.ts'
import type { Action } from '../action.ts'
import { FULL_MESH_PODS, HUBS } from '../cluster-rules/introduce.ts'
import type { PodRule } from '../rule.ts'

/**
 * Situation: a node in this server's table has another address than DNS gives for the hostname that
 * it announced, or none, and at DNS's address a server answered with just that node id.
 * Action: MEET that address (all pairs up to 30 pods; above, one of the two must be a hub).
 * Safe to repeat: MEET to an id that is known only updates its address (mechanics section 1). Who
 * answers with another id is not met: the address may belong to another pod or cluster by now. A node
 * whose address is right is left alone even while its link is down: the server dials it again every
 * 100 ms, and each MEET would only begin a handshake beside that.
 */
export const meetMoved: PodRule = ({ own, peers }, wish) => {
  const server = serverOf(own)
  if (!server) return null
  const mesh = server.nodes.length <= FULL_MESH_PODS
  const moved = server.nodes.flatMap(node => {
    if (node.flags.has('myself') || isHandshake(node)) return []
    const peer = peers.find(
      ({ hostname, nodeId }) => hostname === node.hostname && nodeId === node.id,
    )
    if (!peer || (peer.address === node.ip && !node.flags.has('noaddr'))) return []
    const isPending = server.nodes.some(other => isHandshake(other) && other.ip === peer.address)
    const hub = own.pod.ordinal < HUBS || ordinalIn(node.hostname) < HUBS
    return isPending || !(mesh || hub) ? [] : [{ node, peer }]
  })
  if (moved.length === 0) return null
  const names = moved.map(({ node }) => node.hostname.split('.')[0])
  return {
    phase: 'healing',
    because: `${names.join(', ')} moved, and ${names.length === 1 ? 'answers' : 'answer'} with the known id at the new address`,
    actions: moved.map(({ peer, node }): Action => ({
      type: 'meet',
      pod: own.pod.ordinal,
      address: peer.address,
      port: wish.port,
      who: node.hostname.split('.')[0] ?? '',
    })),
  }
}

const ordinalIn = (hostname: string): number => Number(/-(\d+)\./.exec(hostname)?.[1] ?? Infinity)
