import { RECURSION_DESIRED, decode, encode } from 'dns-packet'
import type { Answer as PacketRecord, DecodedPacket } from 'dns-packet'
import { canonicalAddress } from './address.ts'

export type Question = { readonly name: string; readonly type: 'A' | 'AAAA' | 'SRV' }

/** A record of an answer; names in lower case, without a dot at the end. */
export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly address: string }
  | { readonly type: 'CNAME'; readonly name: string; readonly target: string }
  | { readonly type: 'SRV'; readonly name: string; readonly target: string; readonly port: number }

/** What one server said to one question. */
export type Reply =
  | { readonly state: 'answered'; readonly exists: boolean; readonly records: readonly DnsRecord[] }
  /** Nothing came that fits the question. A packet may have been lost: worth asking again. */
  | { readonly state: 'silent'; readonly because: string }
  | { readonly state: 'failed'; readonly because: string }

/** What a message that arrived is worth. */
export type Judgement =
  | Reply
  | { readonly state: 'truncated' }
  /** The server does not know EDNS. */
  | { readonly state: 'plainWanted' }
  /** Not the reply to this question; the true one may still come. */
  | { readonly state: 'stranger'; readonly because: string }

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
const NOERROR = 0
const FORMERR = 1
const NXDOMAIN = 3
const NOTIMP = 4

/** Large enough for most headless Services, small enough never to be fragmented (DNS flag day 2020). */
const UDP_PAYLOAD = 1232

const bareName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** Whether DNS can carry the name; what dns-packet encodes of another is garbage. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && name.split('.').every(label => /^[!-~]{1,63}$/.test(label))
}

/** The bytes of a question, with EDNS (larger UDP answers) or without. */
export function encodeQuestion(question: Question, id: number, edns: boolean): Buffer {
  const opt: PacketRecord = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: UDP_PAYLOAD,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ ...question, class: 'IN' }],
    additionals: edns ? [opt] : [],
  })
}

/** Decodes header and question only: an answer that was cut off in a record must still be recognised. */
function decodeHead(message: Buffer): DecodedPacket {
  const head = Buffer.from(message)
  if (head.length >= 12) head.fill(0, 6, 12)
  return decode(head)
}

function fits(head: DecodedPacket, question: Question): boolean {
  const [asked, ...more] = head.questions ?? []
  if (asked === undefined || more.length > 0) return false
  return (
    bareName(asked.name) === bareName(question.name) &&
    asked.type === question.type &&
    asked.class === 'IN'
  )
}

function readRecord(record: PacketRecord): DnsRecord[] {
  if (record.type === 'OPT' || record.class !== 'IN') return []
  const name = bareName(record.name)
  switch (record.type) {
    case 'A':
    case 'AAAA': {
      const address = canonicalAddress(record.data)
      if (address === null) throw new Error(`bad ${record.type} record`)
      return [{ type: record.type, name, address }]
    }
    case 'CNAME':
      return [{ type: 'CNAME', name, target: bareName(record.data) }]
    case 'SRV': {
      const target = bareName(record.data.target)
      // A target of the root alone says that the service does not exist (RFC 2782).
      return target === '' ? [] : [{ type: 'SRV', name, target, port: record.data.port }]
    }
    default:
      return []
  }
}

function readAnswer(message: Buffer, rcode: number): Reply {
  const packet = decode(message)
  const extended = packet.additionals?.find(record => record.type === 'OPT')?.extendedRcode ?? 0
  if (extended !== 0) return { state: 'failed', because: `answered rcode ${extended * 16 + rcode}` }
  const records = (packet.answers ?? []).flatMap(readRecord)
  const authorities = packet.authorities ?? []
  // "Ask those instead" has no records either, and must not be taken for "there are none".
  const referral =
    records.length === 0 &&
    !packet.flag_aa &&
    authorities.some(({ type }) => type === 'NS') &&
    !authorities.some(({ type }) => type === 'SOA')
  if (rcode === NOERROR && referral)
    return { state: 'failed', because: 'answered with a referral only' }
  return { state: 'answered', exists: rcode === NOERROR, records }
}

/** Judges a message that came from the server that was asked. */
export function judge(message: Buffer, question: Question, id: number): Judgement {
  let head: DecodedPacket
  try {
    head = decodeHead(message)
  } catch {
    return { state: 'stranger', because: 'sent garbage' }
  }
  if (head.id !== id) return { state: 'stranger', because: 'sent a wrong id' }
  if (!head.flag_qr) return { state: 'stranger', because: 'sent a question' }
  const rcode = (head.flags ?? 0) & 15
  const plain = rcode === NOERROR || rcode === NXDOMAIN
  // A server that cannot read a message may send the bare header back.
  const bare = !plain && head.questions?.length === 0
  if (!bare && !fits(head, question))
    return { state: 'stranger', because: 'sent the answer to another question' }
  if (rcode === FORMERR || rcode === NOTIMP) return { state: 'plainWanted' }
  if (!plain) return { state: 'failed', because: `answered ${RCODES[rcode] ?? `rcode ${rcode}`}` }
  if (head.flag_tc) return { state: 'truncated' }
  try {
    return readAnswer(message, rcode)
  } catch {
    return { state: 'failed', because: 'sent an answer that cannot be read' }
  }
}
