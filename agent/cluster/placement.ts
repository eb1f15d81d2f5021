/** Where a pod runs; empty where nobody knows, and then it counts as a place of its own. */
export type Place = { readonly ordinal: number; readonly node: string; readonly zone: string }

/** How bad it is that two copies of a shard live here and there: one node is worse than one zone. */
export const closeness = (a: Place, b: Place): number =>
  (a.node !== '' && a.node === b.node ? 4 : 0) + (a.zone !== '' && a.zone === b.zone ? 1 : 0)

/**
 * The `count` pods that shall be masters besides those that are: zone by zone, then node by node,
 * then by ordinal, so that no node and no zone holds more masters than it must.
 */
export function chooseMasters(
  present: readonly Place[],
  candidates: readonly Place[],
  count: number,
): Place[] {
  const chosen: Place[] = []
  const left = [...candidates].sort((a, b) => a.ordinal - b.ordinal)
  const among = (same: (master: Place) => boolean): number =>
    [...present, ...chosen].filter(same).length
  while (chosen.length < count && left.length > 0) {
    const cost = (pod: Place): number =>
      among(master => pod.zone !== '' && master.zone === pod.zone) * 1000 +
      among(master => pod.node !== '' && master.node === pod.node)
    const best = left.reduce((a, b) => (cost(b) < cost(a) ? b : a))
    chosen.push(best)
    left.splice(left.indexOf(best), 1)
  }
  return chosen.sort((a, b) => a.ordinal - b.ordinal)
}

/** A shard that wants copies: its master, and the pods that hold a copy already. */
export type ShardPlace = { readonly master: Place; readonly copies: readonly Place[] }

/**
 * Which master each idle pod shall replicate, by ordinal: shards with the fewest copies first, never
 * on a node that holds the shard already while another choice exists. Deterministic.
 */
export function placeReplicas(
  shards: readonly ShardPlace[],
  idle: readonly Place[],
): Map<number, number> {
  const pairs: { pod: Place; shard: ShardPlace }[] = []
  if (shards.length === 0) return new Map()
  const left = [...idle].sort((a, b) => a.ordinal - b.ordinal)
  const copiesOf = (shard: ShardPlace): number =>
    shard.copies.length + pairs.filter(pair => pair.shard === shard).length
  const cost = (pod: Place, shard: ShardPlace): number =>
    [shard.master, ...shard.copies].reduce((sum, copy) => sum + closeness(pod, copy), 0)
  while (left.length > 0) {
    const shard = shards.reduce((a, b) => (copiesOf(b) < copiesOf(a) ? b : a))
    const pod = left.reduce((a, b) => (cost(b, shard) < cost(a, shard) ? b : a))
    pairs.push({ pod, shard })
    left.splice(left.indexOf(pod), 1)
  }
  improveBySwaps(pairs, cost)
  return new Map(pairs.map(({ pod, shard }) => [pod.ordinal, shard.master.ordinal]))
}

/** Swaps pods between shards while that brings copies further apart; ends, as the sum only falls. */
function improveBySwaps(
  pairs: { pod: Place; shard: ShardPlace }[],
  cost: (pod: Place, shard: ShardPlace) => number,
): void {
  for (let improved = true; improved;) {
    improved = false
    for (const a of pairs)
      for (const b of pairs) {
        const now = cost(a.pod, a.shard) + cost(b.pod, b.shard)
        if (cost(a.pod, b.shard) + cost(b.pod, a.shard) >= now) continue
        const { pod } = a
        a.pod = b.pod
        b.pod = pod
        improved = true
      }
  }
}
