import { asNodeId, type NodeId } from './node-id.ts'
import type { SlotRange } from './slots.ts'

/** A slot on its way: `peer` is the node that it goes to or comes from. */
export type OpenSlot = { readonly slot: number; readonly peer: NodeId }

/** One line of CLUSTER NODES: what one node believes about another, or about itself. */
export type ClusterNode = {
  readonly id: NodeId
  /** Empty where the node knows no address. IPv6 without brackets. */
  readonly ip: string
  readonly port: number
  readonly busPort: number
  /** As announced by `cluster-announce-hostname`; empty where nothing is announced. */
  readonly hostname: string
  readonly flags: ReadonlySet<NodeFlag>
  readonly role: 'master' | 'replica'
  readonly masterId: NodeId | null
  readonly configEpoch: number
  /** There is a link, or one is being tried: no proof that anybody answers at its other end. */
  readonly linked: boolean
  /** When the ping was sent that waits for its pong, by the asked server's clock; 0 if none does. */
  readonly pingSentMs: number
  /** When a pong last came, by the same clock. */
  readonly pongReceivedMs: number
  readonly slots: readonly SlotRange[]
  /** Open slots; Redis shows them in the line of the node that was asked only. */
  readonly migrating: readonly OpenSlot[]
  readonly importing: readonly OpenSlot[]
}

export type NodeFlag =
  | 'myself'
  | 'fail?'
  | 'fail'
  | 'handshake'
  | 'noaddr'
  | 'nofailover'
  | 'noflags'
  | 'master'
  | 'replica'

/** Reads an `ip:port@cport[,hostname[,aux=value]...]` field; null if it is not one. */
export function parseAddress(
  field: string,
): { ip: string; port: number; busPort: number; hostname: string } | null {
  const [endpoint = '', hostname = ''] = field.split(',')
  const match = /^(.*):(\d+)(?:@(\d+))?$/.exec(endpoint)
  if (!match) return null
  const port = Number(match[2])
  const ip = (match[1] ?? '').replace(/^\[|\]$/g, '')
  // An aux field may follow the endpoint directly where a server writes no empty hostname.
  return {
    ip,
    port,
    busPort: match[3] === undefined ? port + 10000 : Number(match[3]),
    hostname: hostname.includes('=') ? '' : hostname,
  }
}

/** Reads `[93->-id]`, `[93-<-id]`, `7` and `0-5460`; null for anything else. */
function parseSlot(
  word: string,
):
  { type: 'range'; range: SlotRange } | { type: 'migrating' | 'importing'; open: OpenSlot } | null {
  const open = /^\[(\d+)-([<>])-([0-9a-f]{40})\]$/.exec(word)
  if (open) {
    const peer = asNodeId(open[3] ?? '')
    if (!peer) return null
    return {
      type: open[2] === '>' ? 'migrating' : 'importing',
      open: { slot: Number(open[1]), peer },
    }
  }
  const range = /^(\d+)(?:-(\d+))?$/.exec(word)
  if (!range) return null
  const first = Number(range[1])
  return { type: 'range', range: [first, range[2] === undefined ? first : Number(range[2])] }
}

/**
 * One line of CLUSTER NODES or of nodes.conf, or null if it is not one. `slave` becomes `replica`
 * here and nowhere else. Format: CLUSTER NODES in the Redis documentation; auxiliary fields after
 * the hostname (7.2, Valkey) are read leniently.
 */
export function parseNodeLine(line: string): ClusterNode | null {
  const [
    idText = '',
    addressText = '',
    flagText = '',
    masterText = '',
    ping,
    pong,
    epoch,
    link,
    ...rest
  ] = line.trim().split(/ +/)
  const id = asNodeId(idText)
  const address = parseAddress(addressText)
  if (!id || !address || epoch === undefined || link === undefined) return null
  const masterId = masterText === '-' ? null : asNodeId(masterText)
  if (masterText !== '-' && !masterId) return null
  const flags = new Set(
    flagText.split(',').map(flag => (flag === 'slave' ? 'replica' : flag) as NodeFlag),
  )
  const slots: SlotRange[] = []
  const migrating: OpenSlot[] = []
  const importing: OpenSlot[] = []
  for (const word of rest) {
    const parsed = parseSlot(word)
    if (!parsed) return null
    if (parsed.type === 'range') slots.push(parsed.range)
    else if (parsed.type === 'migrating') migrating.push(parsed.open)
    else importing.push(parsed.open)
  }
  return {
    id,
    ...address,
    flags,
    role: flags.has('replica') ? 'replica' : 'master',
    masterId,
    configEpoch: Number(epoch),
    linked: link === 'connected',
    pingSentMs: Number(ping),
    pongReceivedMs: Number(pong),
    slots,
    migrating,
    importing,
  }
}

/** Every node of a CLUSTER NODES reply; lines that are none are left out. */
export const parseNodes = (text: string): ClusterNode[] =>
  text.split('\n').flatMap(line => parseNodeLine(line) ?? [])

/** The line of the node that was asked. */
export const myself = (nodes: readonly ClusterNode[]): ClusterNode | undefined =>
  nodes.find(node => node.flags.has('myself'))

/** A node that others have given up, or whose address nobody knows. */
export const isFailed = (node: ClusterNode): boolean => node.flags.has('fail')

/** A node that answered a MEET only half: it has no lasting id yet. */
export const isHandshake = (node: ClusterNode): boolean => node.flags.has('handshake')
