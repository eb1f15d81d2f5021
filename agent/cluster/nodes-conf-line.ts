import { asNodeId } from './node-id.ts'
import { SLOT_COUNT } from './slots.ts'

const FLAGS = new Set([
  'myself',
  'master',
  'slave',
  'fail?',
  'fail',
  'handshake',
  'noaddr',
  'nofailover',
  'noflags',
])

/** What atoi(3) makes of a word: leading digits, or 0. */
const atoi = (text: string): number => Number(/^\s*([-+]?\d+)/.exec(text)?.[1] ?? 0)

const isSlot = (slot: number): boolean => slot >= 0 && slot < SLOT_COUNT

/** isValidAuxChar of cluster_legacy.c: what neither a name nor a value may hold. */
const isAuxText = (text: string): boolean => text !== '' && !/[!#$%&()*+:;<>?@[\]^{|}~]/.test(text)

/** Why the server refuses the `ip:port@cport,hostname,aux=value` field; null if it reads it. */
function addressFault(field: string): string | null {
  const [endpoint = '', , ...aux] = field.split(',')
  if (!endpoint.includes(':')) return 'an address without a port'
  for (const pair of aux) {
    const [name = '', value = '', ...more] = pair.split('=')
    if (more.length > 0 || !isAuxText(name) || !isAuxText(value))
      return `the auxiliary field ${JSON.stringify(pair)}`
    if (name === 'shard-id' && !asNodeId(value)) return 'a shard-id that is cut'
  }
  return null
}

/** Why the server refuses a word of the slots; null if it reads it. */
function slotFault(word: string): string | null {
  const fault = `the slots ${JSON.stringify(word)}`
  if (word.startsWith('[')) {
    const open = /^\[(\d+)-[<>]-([0-9a-z]{40})\]/.exec(word)
    return open && isSlot(atoi(open[1] ?? '')) ? null : fault
  }
  const dash = word.indexOf('-')
  const [first, last] =
    dash < 0 ? [atoi(word), atoi(word)] : [atoi(word.slice(0, dash)), atoi(word.slice(dash + 1))]
  return isSlot(first) && isSlot(last) ? null : fault
}

/** `vars` takes names and values in pairs; names that the server does not know it skips. */
const varsFault = (words: readonly string[]): string | null =>
  words.length % 2 === 1 ? null : 'a vars line that is cut'

/**
 * Why a server refuses this line of nodes.conf; null if it reads it. A line ends for the server at
 * its first NUL byte, and an empty one it skips. Source: clusterLoadConfig, cluster_legacy.c.
 */
export function lineFault(line: string): string | null {
  const text = line.split('\0')[0] ?? ''
  if (text === '') return null
  const words = text.split(/[ \t]+/).filter(word => word !== '')
  if (words.length === 0) return 'a line of blanks'
  if (words[0]?.toLowerCase() === 'vars') return varsFault(words)
  if (words.length < 8) return `a line of ${words.length} words`
  const [id = '', address = '', flags = '', master = '', , , , , ...slots] = words
  if (!/^[0-9a-z]{40}$/.test(id)) return 'a node id that is none'
  const badFlag = flags.split(',').find(flag => !FLAGS.has(flag.toLowerCase()))
  if (badFlag !== undefined) return `the flag ${JSON.stringify(badFlag)}`
  if (!master.startsWith('-') && !/^[0-9a-z]{40}$/.test(master)) return "a master's id that is none"
  return addressFault(address) ?? slots.map(slotFault).find(fault => fault !== null) ?? null
}
