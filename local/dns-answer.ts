import type { Answer, Packet, Question } from 'dns-packet'

/** The pods that DNS names now, and below which domain. */
export type Zone = {
  /** `redis-cluster.default.svc.cluster.local` */
  readonly domain: string
  readonly pods: ReadonlyMap<string, { readonly address: string; readonly port: number }>
}

/** What is wrong with the answer, for tests; a pod's own fault wins over the one for all. */
export type DnsFault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'servfail' }
  | { readonly kind: 'garbage' }
  /** Over UDP an empty answer with the TC flag, over TCP the whole one. */
  | { readonly kind: 'truncate' }
  | { readonly kind: 'late'; readonly ms: number }
  /** Answers with an address that the pod does not have (any more). */
  | { readonly kind: 'stale'; readonly address: string }
  /** Answers as if the pod did not exist. */
  | { readonly kind: 'absent' }

/** CoreDNS answers for Services with this TTL. */
const TTL_SECONDS = 5
/** Bit masks and codes of the DNS header (RFC 1035 section 4.1.1). */
const AUTHORITATIVE = 0x400
const RECURSION_AVAILABLE = 0x80
const TRUNCATED = 0x200
export const SERVFAIL = 2
const NXDOMAIN = 3

const typeOfAddress = (address: string): 'A' | 'AAAA' => (address.includes(':') ? 'AAAA' : 'A')

const start = (zone: Zone): Answer => ({
  type: 'SOA',
  name: zone.domain,
  ttl: TTL_SECONDS,
  data: {
    mname: `ns.dns.${zone.domain}`,
    rname: `hostmaster.${zone.domain}`,
    minimum: TTL_SECONDS,
  },
})

/** The full name of a pod in the zone. */
export const fullName = (zone: Zone, pod: string): string => `${pod}.${zone.domain}`

/** The pod that a name stands for; undefined if it is not directly below the zone. */
export function podOfName(zone: Zone, name: string): string | undefined {
  const lower = name.toLowerCase()
  const below = `.${zone.domain}`
  if (!lower.endsWith(below)) return undefined
  return lower.slice(0, -below.length)
}

function addressRecords(zone: Zone, question: Question): Answer[] | null {
  const name = question.name.toLowerCase()
  const pod = podOfName(zone, name)
  const entry = pod === undefined ? undefined : zone.pods.get(pod)
  if (name !== zone.domain && !entry) return null
  const found = entry ? [entry] : [...zone.pods.values()]
  return found
    .filter(({ address }) => typeOfAddress(address) === question.type)
    .map(({ address }) => ({
      type: typeOfAddress(address),
      name: question.name,
      ttl: TTL_SECONDS,
      data: address,
    }))
}

/** `_redis._tcp.<service>` and, as CoreDNS does, the service itself. */
function serviceRecords(zone: Zone, question: Question): Answer[] | null {
  const name = question.name.toLowerCase()
  if (name !== zone.domain && name !== `_redis._tcp.${zone.domain}`) return null
  return [...zone.pods].map(([pod, { port }]) => ({
    type: 'SRV',
    name: question.name,
    ttl: TTL_SECONDS,
    data: { target: fullName(zone, pod), port, priority: 0, weight: 100 },
  }))
}

/** What CoreDNS answers to the question: records, none of that type (NODATA), or NXDOMAIN. */
export function answer(zone: Zone, query: Packet): Packet {
  const question = query.questions?.[0]
  const flags = AUTHORITATIVE | RECURSION_AVAILABLE | ((query.flags ?? 0) & 0x100)
  const base = { type: 'response', id: query.id ?? 0, questions: query.questions ?? [] } as const
  if (!question) return { ...base, flags: flags | SERVFAIL }
  const addresses = addressRecords(zone, question)
  const services = serviceRecords(zone, question)
  const records = question.type === 'SRV' ? (services ?? (addresses && [])) : addresses
  if (!records && !services) return { ...base, flags: flags | NXDOMAIN, authorities: [start(zone)] }
  return records && records.length > 0
    ? { ...base, flags, answers: records }
    : { ...base, flags, authorities: [start(zone)] }
}

/** The answer without its records, for a client that has to come back over TCP. */
export const truncated = (response: Packet): Packet => ({
  type: 'response',
  id: response.id ?? 0,
  flags: (response.flags ?? 0) | TRUNCATED,
  questions: response.questions ?? [],
})
