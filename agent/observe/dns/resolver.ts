import { orderAddresses } from './address.ts'
import { lookUpAddresses, lookUpService } from './headless.ts'
import type { Found, Limits } from './lookup.ts'
import { isDnsName } from './message.ts'
import { createResolvConfReader } from './resolv-conf.ts'
import type { ResolvConf } from './resolv-conf.ts'
import { createTurns } from './turns.ts'

type Failed = { readonly state: 'failed'; readonly because: string }

/** Absent: DNS says that there is none. Failed: DNS did not say; never to be taken for absent. */
export type Answer =
  | { readonly state: 'found'; readonly addresses: readonly string[] }
  | { readonly state: 'absent' }
  | Failed

/** A pod behind a Service: its full name, without a dot at the end, and the port. */
export type Host = { readonly name: string; readonly port: number }

export type HostsAnswer =
  | { readonly state: 'found'; readonly hosts: readonly Host[] }
  | { readonly state: 'absent' }
  | Failed

/**
 * Asks DNS, and keeps nothing: records of a headless Service change within seconds. A name with a
 * dot at its end is absolute; any other goes through the search list, which costs many questions.
 */
export type Resolver = {
  /** IPv4 before IPv6, the same set always in the same order. */
  readonly addressesOf: (name: string, signal: AbortSignal) => Promise<Answer>
  /**
   * Pods of a headless Service, by its SRV records for the port `redis`, or for any port where no
   * port has that name. Each host once for each port, in the order of the ordinals.
   */
  readonly hostsOf: (service: string, signal: AbortSignal) => Promise<HostsAnswer>
}

export type ResolverOptions = {
  /** Path of the resolv.conf(5). */
  readonly resolvConf: string
  /** For one exchange with one server; default: `options timeout:N`, or else 500. */
  readonly timeoutMs?: number
  /** Longest time for one call, search list and all servers included; default 5000. */
  readonly boundMs?: number
}

const DEFAULT_TIMEOUT_MS = 500
const DEFAULT_BOUND_MS = 5000
/** Questions under way at a time: hundreds at once overflow the receive buffer of a server. */
const MAX_UNDER_WAY = 128

/** The absolute names that a name may stand for, in the order in which resolv.conf(5) tries them. */
export function candidates(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const searched = search.map(domain => `${name}.${domain}`).filter(isDnsName)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...searched] : [...searched, name]
}

/**
 * The first candidate that has records. One that failed does not end the search (a foreign domain
 * in the search list may well be broken), but then nothing found is a failure.
 */
async function search<T>(
  names: readonly string[],
  lookUpOne: (name: string) => Promise<Found<T>>,
): Promise<Found<T>> {
  const because: string[] = []
  for (const name of names) {
    const found = await lookUpOne(name)
    if (found.state === 'found') return found
    if (found.state === 'failed') because.push(found.because)
  }
  return because.length > 0 ? { state: 'failed', because: because.join('; ') } : { state: 'absent' }
}

/** Numbers in names count as numbers, so that pod 10 comes after pod 9. */
function orderHosts(hosts: readonly Host[]): readonly Host[] {
  const rank = ({ name, port }: Host): string =>
    `${name} ${port}`.replace(/\d+/g, digits => digits.padStart(10, '0'))
  const ranked = new Map(hosts.map(host => [rank(host), host]))
  return [...ranked].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, host]) => host)
}

/** A DNS client for the servers of a resolv.conf, which it reads anew when that changes. */
export function createResolver(options: ResolverOptions): Resolver {
  const readConf = createResolvConfReader(options.resolvConf)
  const turns = createTurns(MAX_UNDER_WAY)
  const boundMs = options.boundMs ?? DEFAULT_BOUND_MS

  async function resolve<T>(
    names: readonly string[],
    lookUpOne: (name: string, limits: Limits) => Promise<Found<T>>,
    signal: AbortSignal,
  ): Promise<Found<T>> {
    const deadlineMs = performance.now() + boundMs
    const read = await readConf()
    if (read.state === 'failed') return read
    const { conf } = read
    const timeoutMs = options.timeoutMs ?? conf.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const limits: Limits = {
      servers: conf.servers,
      // However long the time-out, every server has its turn within the bound.
      timeoutMs: Math.min(timeoutMs, boundMs / conf.servers.length),
      attempts: conf.attempts,
      deadlineMs,
      signal,
      turns,
    }
    for (const name of names) {
      const found = await search(candidates(name, conf), one => lookUpOne(one, limits))
      if (found.state !== 'absent') return found
    }
    return { state: 'absent' }
  }

  return {
    addressesOf: async (name, signal) => {
      const found = await resolve([name], lookUpAddresses, signal)
      if (found.state !== 'found') return found
      return { state: 'found', addresses: orderAddresses(found.records.map(r => r.address)) }
    },
    hostsOf: async (service, signal) => {
      const found = await resolve([`_redis._tcp.${service}`, service], lookUpService, signal)
      if (found.state !== 'found') return found
      const hosts = found.records.map(({ target, port }) => ({ name: target, port }))
      return { state: 'found', hosts: orderHosts(hosts) }
    },
  }
}
