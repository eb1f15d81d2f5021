import { myself } from '../cluster/nodes.ts'
import type { NodeId } from '../cluster/node-id.ts'
import { serverOf, type ClusterView, type PodView } from '../cluster/view.ts'
import type { PodFacts, Texts } from './api.ts'

/** Labels that people and Services select pods by. */
export const roleLabel = 'redis-cluster-agent/role'
export const shardLabel = 'redis-cluster-agent/shard'

/** What a pod is in the cluster; `shard` is the lowest ordinal among the shard's pods. */
export type PodRole = { readonly role: 'master' | 'replica'; readonly shard: number }

/** Labels that a pod lacks or has with another value. */
export type LabelPatch = {
  readonly pod: { readonly name: string; readonly uid: string }
  readonly labels: Texts
}

/** The ordinal of each node id: by its own word where it answered, else by its announced hostname. */
function ordinals(view: ClusterView): Map<NodeId, number> {
  const byHostname = new Map(view.pods.map(({ pod }) => [pod.hostname, pod.ordinal]))
  const known = new Map<NodeId, number>()
  const answered = new Set<number>()
  for (const pod of view.pods) {
    const facts = serverOf(pod)
    if (!facts) continue
    known.set(facts.nodeId, pod.pod.ordinal)
    answered.add(pod.pod.ordinal)
  }
  for (const node of view.pods.flatMap(pod => serverOf(pod)?.nodes ?? [])) {
    const ordinal = byHostname.get(node.hostname)
    if (ordinal !== undefined && !answered.has(ordinal) && !known.has(node.id))
      known.set(node.id, ordinal)
  }
  return known
}

/** The master of a node's shard: itself, or its master as the node says, or as others say of it. */
function masterIds(view: ClusterView): Map<NodeId, NodeId> {
  const masters = new Map<NodeId, NodeId>()
  for (const pod of view.pods) {
    const facts = serverOf(pod)
    for (const node of facts?.nodes ?? [])
      // A node's word about itself counts, and comes last or first alike.
      if (node.flags.has('myself') || !masters.has(node.id))
        masters.set(node.id, node.masterId ?? node.id)
  }
  return masters
}

/** The role of a pod that answered and is a member of a cluster; null while that is not known. */
function roleOf(pod: PodView): 'master' | 'replica' | null {
  const facts = serverOf(pod)
  if (!facts || facts.nodes.length < 2) return null
  return myself(facts.nodes)?.role ?? null
}

/** What each pod is, by name. A pod that does not answer, or is alone, is left out. */
export function podRoles(view: ClusterView): Map<string, PodRole> {
  const ordinalOf = ordinals(view)
  const masterOf = masterIds(view)
  const lowest = new Map<NodeId, number>()
  for (const [id, ordinal] of ordinalOf) {
    const master = masterOf.get(id) ?? id
    lowest.set(master, Math.min(ordinal, lowest.get(master) ?? Infinity))
  }
  const roles = new Map<string, PodRole>()
  for (const pod of view.pods) {
    const role = roleOf(pod)
    const id = serverOf(pod)?.nodeId
    if (role === null || id === undefined) continue
    const shard = lowest.get(masterOf.get(id) ?? id) ?? pod.pod.ordinal
    roles.set(pod.pod.name, { role, shard })
  }
  return roles
}

/** Only what has to change. A pod whose role is not known keeps what it has. */
export const labelPatches = (
  pods: readonly PodFacts[],
  roles: ReadonlyMap<string, PodRole>,
): LabelPatch[] =>
  pods.flatMap(({ name, uid, labels: present }) => {
    const is = roles.get(name)
    if (!is) return []
    const wanted = { [roleLabel]: is.role as string, [shardLabel]: `${is.shard}` }
    const labels = Object.fromEntries(
      Object.entries(wanted).filter(([label, value]) => present[label] !== value),
    )
    return Object.keys(labels).length === 0 ? [] : [{ pod: { name, uid }, labels }]
  })
