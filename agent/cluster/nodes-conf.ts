import { lineFault } from './nodes-conf-line.ts'
import type { NodeId } from './node-id.ts'
import { parseNodeLine, type ClusterNode } from './nodes.ts'

/** One line as the server wrote it; `node` is null for `vars` and for empty lines. */
export type ConfLine = { readonly text: string; readonly node: ClusterNode | null }

/** A file that a server reads and that knows more than a server that never saw another one. */
export type MemberConf = {
  readonly state: 'member'
  readonly nodeId: NodeId
  /** Every line in its order; `printNodesConf` joins their texts, so what is kept is kept exactly. */
  readonly lines: readonly ConfLine[]
  readonly myself: ClusterNode
  readonly currentEpoch: number
}

/** What can be read of a damaged file: lines as the server wrote them. */
export type Salvage = {
  readonly myself: ConfLine | null
  /** For a replica, the line of its master. */
  readonly master: ConfLine | null
  readonly vars: string | null
}

export type DamagedConf = {
  readonly state: 'damaged'
  readonly because: string
  readonly salvage: Salvage
}

/**
 * What nodes.conf says before the server starts. `none`: no file, or an empty one, which the server
 * takes for none. `blank`: written by a server that knows nobody, owns nothing and never voted.
 * `damaged`: the server would end with "corrupted cluster config file".
 */
export type NodesConf =
  | { readonly state: 'none' }
  | { readonly state: 'blank'; readonly nodeId: NodeId }
  | MemberConf
  | DamagedConf

const SHARD_ID = /,shard-id=([0-9a-f]{40})(?:,|\s)/

/** The shard that the server wrote down for a node; null where it wrote none (7.0). */
const shardOf = (line: ConfLine): string | null => SHARD_ID.exec(line.text)?.[1] ?? null

/** `vars currentEpoch 6 lastVoteEpoch 0` */
const epochOf = (text: string): number =>
  Number(/^vars .*\bcurrentEpoch (\d+)/i.exec(text)?.[1] ?? 0)

const isVars = (text: string): boolean => /^vars( |$)/i.test(text)

/** Why the server refuses the lines together; each alone is good. */
function togetherFault(lines: readonly ConfLine[]): string | null {
  const mine = lines.filter(line => line.node?.flags.has('myself'))
  if (mine.length === 0) return 'no line of the node itself'
  if (mine.length > 1) return 'two lines of the node itself'
  const byId = new Map(lines.flatMap(line => (line.node ? [[line.node.id, line] as const] : [])))
  for (const line of lines) {
    const master = line.node?.masterId ? byId.get(line.node.masterId) : undefined
    const [own, its] = [shardOf(line), master ? shardOf(master) : null]
    if (own && its && own !== its) return 'a replica whose shard-id is not that of its master'
  }
  return null
}

/** The first fault as the server finds it, or null. */
function faultOf(lines: readonly ConfLine[]): string | null {
  for (const [index, line] of lines.entries()) {
    const fault = lineFault(line.text)
    if (fault) return `line ${index + 1}: ${fault}`
    if (!line.node && !isVars(line.text) && (line.text.split('\0')[0] ?? '') !== '')
      return `line ${index + 1} cannot be read`
  }
  return togetherFault(lines)
}

/** Good lines of a bad file: the own one, and for a replica its master's. */
function salvageOf(lines: readonly ConfLine[]): Salvage {
  const good = lines.filter(line => lineFault(line.text) === null)
  const mine = good.filter(line => line.node?.flags.has('myself'))
  const myself = mine.length === 1 ? (mine[0] ?? null) : null
  const masterId = myself?.node?.masterId
  const master = masterId ? (good.find(line => line.node?.id === masterId) ?? null) : null
  const shards = [myself, master].flatMap(line => (line ? (shardOf(line) ?? []) : []))
  const agree = new Set(shards).size <= 1
  const vars = good.find(line => isVars(line.text))?.text ?? null
  return { myself, master: agree ? master : null, vars }
}

/** What the text of nodes.conf says; null stands for a file that is not there. */
export function readNodesConf(text: string | null): NodesConf {
  if (text === null || text === '') return { state: 'none' }
  const lines = text
    .split('\n')
    .map((line): ConfLine => ({ text: line, node: parseNodeLine(line.split('\0')[0] ?? '') }))
  const because = faultOf(lines)
  const myself = lines.find(line => line.node?.flags.has('myself'))?.node
  if (because !== null || !myself)
    return { state: 'damaged', because: because ?? 'no own line', salvage: salvageOf(lines) }
  const currentEpoch = Math.max(0, ...lines.map(line => epochOf(line.text)))
  const others = lines.some(line => line.node && line.node !== myself)
  const open = myself.migrating.length + myself.importing.length
  if (!others && myself.slots.length === 0 && open === 0 && currentEpoch === 0 && !myself.masterId)
    return { state: 'blank', nodeId: myself.id }
  return { state: 'member', nodeId: myself.id, lines, myself, currentEpoch }
}

/** The text of nodes.conf. */
export const printNodesConf = (lines: readonly ConfLine[]): string =>
  lines.map(line => line.text).join('\n')

/** Every node of the file but the node itself. */
export const peersOf = (conf: MemberConf): ClusterNode[] =>
  conf.lines.flatMap(({ node }) => (node && node.id !== conf.nodeId ? [node] : []))

/** The node itself, as far as the file can be read at all. */
export function ownNode(conf: NodesConf): ClusterNode | null {
  switch (conf.state) {
    case 'none':
    case 'blank':
      return null
    case 'member':
      return conf.myself
    case 'damaged':
      return conf.salvage.myself?.node ?? null
  }
}

/** The id that a server would start with on this file; null if it would make a new one. */
export const nodeIdOf = (conf: NodesConf): NodeId | null =>
  conf.state === 'blank' ? conf.nodeId : (ownNode(conf)?.id ?? null)
