import type { NodeId } from './node-id.ts'
import { printNodesConf, type ConfLine, type MemberConf, type Salvage } from './nodes-conf.ts'
import type { ClusterNode } from './nodes.ts'

/**
 * Where nobody listens and no other pod ever will. A peer at a dead address is healed by MEET as
 * fast as one at a right address; `noaddr` instead costs Valkey 9.1 needless failovers.
 */
export const DEAD_ADDRESS = '127.0.0.1:1@1'

/** The auxiliary fields that every server from 7.2 on knows; 7.0 skips all. */
const PLAIN_AUX = /^(tls-port|tcp-port|nodename|shard-id)=/

/** Where a peer lives; null where nobody vouches for it. */
export type AddressOf = (hostname: string, id: NodeId) => { readonly ip: string } | null

/** What this pod knows of itself: its address, and the port that all pods of the cluster share. */
export type OwnAddress = { readonly ip: string; readonly port: number }

type Fields = { readonly address: string; readonly flags: string; readonly master: string }

/** The line with other words in its second to fourth place and everything else as it was. */
function replaced(text: string, change: (fields: Fields) => Fields): string {
  const match = /^(\S+) (\S+) (\S+) (\S+)(.*)$/s.exec(text)
  if (!match) return text
  const [, id = '', address = '', flags = '', master = '', rest = ''] = match
  const to = change({ address, flags, master })
  return `${id} ${to.address} ${to.flags} ${to.master}${rest}`
}

/** The address field with another endpoint; hostname and auxiliary fields stay. */
const withEndpoint = (field: string, endpoint: string): string =>
  [endpoint, ...field.split(',').slice(1)].join(',')

/** Flags without some; never none at all, which the server would not read. */
function without(flags: string, ...gone: readonly string[]): string {
  const left = flags.split(',').filter(flag => !gone.includes(flag))
  return left.length > 0 ? left.join(',') : 'noflags'
}

/** A peer that lives is not failed either: FAIL would outlast its return by twice node-timeout. */
function vouchedLine(line: ConfLine, node: ClusterNode, ip: string, port: number): string {
  const knownPort = node.port > 1 && node.ip !== ''
  const endpoint = knownPort
    ? `${ip}:${node.port}@${node.busPort}`
    : `${ip}:${port}@${port + 10000}`
  return replaced(line.text, ({ address, flags, master }) => ({
    address: withEndpoint(address, endpoint),
    flags: without(flags, 'noaddr', 'fail', 'fail?'),
    master,
  }))
}

const deadLine = (line: ConfLine): string =>
  replaced(line.text, ({ address, flags, master }) => ({
    address: withEndpoint(address, DEAD_ADDRESS),
    flags: without(flags, 'noaddr'),
    master,
  }))

/** The node's own line: its address is the pod's; the server sets the ports itself. */
function ownLine(line: ConfLine, node: ClusterNode, ip: string): string {
  const endpoint = `${ip}:${node.port}@${node.busPort}`
  return replaced(line.text, fields => ({
    ...fields,
    address: withEndpoint(fields.address, endpoint),
  }))
}

/**
 * The file with every address made right or dead, by node id. Nothing else changes: slots, epochs,
 * hostnames and auxiliary fields stay as the server wrote them.
 */
export function withAddresses(conf: MemberConf, addressOf: AddressOf, own: OwnAddress): string {
  const ownPort = conf.myself.port > 1 ? conf.myself.port : own.port
  return printNodesConf(
    conf.lines.map(line => {
      const { node } = line
      if (!node) return line
      if (node.id === conf.nodeId) return { node, text: ownLine(line, node, own.ip) }
      const vouched = node.hostname === '' ? null : addressOf(node.hostname, node.id)
      const text = vouched ? vouchedLine(line, node, vouched.ip, ownPort) : deadLine(line)
      return { node, text }
    }),
  )
}

/** The text without auxiliary fields that an older server may refuse; the bus tells them anew. */
export const withoutNewerFields = (text: string): string =>
  text
    .split('\n')
    .map(line =>
      replaced(line, fields => {
        const [endpoint = '', hostname, ...aux] = fields.address.split(',')
        const kept = aux.filter(field => PLAIN_AUX.test(field))
        const address = hostname === undefined ? endpoint : [endpoint, hostname, ...kept].join(',')
        return { ...fields, address }
      }),
    )
    .join('\n')

/**
 * A file that the server reads, from what is left of a damaged one: the own line, which keeps id and
 * slots, and for a replica its master's, at the dead address and with no flag but `master`. A
 * replica with its own line alone would crash Valkey 9.1 on the first MEET (nodeIsPrimary(sender)).
 * Null if that cannot be read: then the node has to start anew. Open slots stay, `vars` if readable.
 */
export function salvaged(salvage: Salvage, own: OwnAddress): string | null {
  const { myself, master, vars } = salvage
  if (!myself?.node) return null
  if (myself.node.role === 'replica' && !master) return null
  const clean = (line: ConfLine): string => line.text.split('\0')[0] ?? ''
  const lines = [ownLine({ node: null, text: clean(myself) }, myself.node, own.ip)]
  if (master)
    lines.push(
      replaced(clean(master), ({ address }) => ({
        address: withEndpoint(address, DEAD_ADDRESS),
        flags: 'master',
        master: '-',
      })),
    )
  if (vars !== null) lines.push(vars.split('\0')[0] ?? '')
  return `${lines.join('\n')}\n`
}
