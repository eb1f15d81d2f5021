import { readFile, stat } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import { canonicalAddress } from './address.ts'

/** A name server: canonical IP address and port. */
export type Server = { readonly address: string; readonly port: number }

/** What resolv.conf(5) says, as far as a lookup needs it. */
export type ResolvConf = {
  readonly servers: readonly Server[]
  /** Domains to append, without dots at their ends. */
  readonly search: readonly string[]
  readonly ndots: number
  /** `options timeout:N` in milliseconds; null if it is not there. */
  readonly timeoutMs: number | null
  readonly attempts: number
}

/** A file that could be read, or why it could not. */
export type ReadResolvConf =
  | { readonly state: 'read'; readonly conf: ResolvConf }
  | { readonly state: 'failed'; readonly because: string }

const DNS_PORT = 53
const READ_ANEW_MS = 5000

/** `10.0.0.1:53`, `[fd00::1]:53`: how a server is named in reasons. */
export const serverName = ({ address, port }: Server): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** `10.0.0.1`, `10.0.0.1:5353`, `fe80::1%eth0`, `[::1]`, `[::1]:5353`; null if it is none of these. */
function parseServer(entry: string): Server | null {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(entry)
  const plain = /^([^:]+)(?::(\d{1,5}))?$/.exec(entry)
  const [, host = entry, port] = bracketed ?? plain ?? []
  const address = canonicalAddress(host)
  const number = port === undefined ? DNS_PORT : Number(port)
  return address !== null && number >= 1 && number <= 65535 ? { address, port: number } : null
}

/** Values of an `options` line; limits as in glibc, and what is not a number counts as absent. */
function parseOptions(words: readonly string[]): Partial<Record<string, number>> {
  const most: Record<string, number> = { ndots: 15, timeout: 30, attempts: 5 }
  const found: Partial<Record<string, number>> = {}
  for (const word of words) {
    const [, key = '', value = ''] = /^(\w+):(\d{1,9})$/.exec(word) ?? []
    const limit = most[key]
    if (limit !== undefined) found[key] = Math.min(Number(value), limit)
  }
  return found
}

/** Reads the text of a resolv.conf. Lines and entries that make no sense are passed over, as in libc. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: Server[] = []
  let search: readonly string[] = []
  let options: Partial<Record<string, number>> = {}
  for (const line of text.split(/\r?\n/)) {
    const [keyword = '', ...rest] = line.replace(/(^|\s)[#;].*$/, '').split(/\s+/)
    const words = rest.filter(word => word !== '')
    if (keyword === 'nameserver') {
      const server = parseServer(words[0] ?? '')
      if (server) servers.push(server)
    } else if (keyword === 'search' || keyword === 'domain') {
      search = words.map(domain => domain.replace(/^\.+|\.+$/g, '')).filter(domain => domain !== '')
    } else if (keyword === 'options') options = { ...options, ...parseOptions(words) }
  }
  const { ndots = 1, timeout = 0, attempts = 0 } = options
  return {
    servers,
    search,
    ndots,
    timeoutMs: timeout > 0 ? timeout * 1000 : null,
    attempts: attempts > 0 ? attempts : 2,
  }
}

/**
 * A reader that asks the file system whether the file changed, and reads it then and every 5 s:
 * a kubelet may replace the file, and a mount may hide that it did. Failures are not kept.
 */
export function createResolvConfReader(path: string): () => Promise<ReadResolvConf> {
  let last: { version: string; atMs: number; conf: ResolvConf } | null = null
  return async () => {
    try {
      const { ino, size, mtimeMs } = await stat(path)
      const version = `${ino} ${size} ${mtimeMs}`
      const atMs = performance.now()
      if (last === null || last.version !== version || atMs - last.atMs > READ_ANEW_MS)
        last = { version, atMs, conf: parseResolvConf(await readFile(path, 'utf8')) }
      if (last.conf.servers.length > 0) return { state: 'read', conf: last.conf }
      return { state: 'failed', because: `${path} names no usable nameserver` }
    } catch (error) {
      last = null
      const what = messageOf(error)
      return { state: 'failed', because: `${path} cannot be read: ${what}` }
    }
  }
}
