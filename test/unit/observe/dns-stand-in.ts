import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode, type Answer, type Packet, type Question } from 'dns-packet'
import type { Test } from 'tap'
import { createResolver, type Resolver } from '../../../agent/observe/dns/resolver.ts'

/** One question that arrived, and the ways to react to it. */
export type Asked = {
  readonly question: Question
  readonly over: 'udp' | 'tcp'
  readonly query: Packet
  /** Sends bytes back as they are (over TCP too: no length is added). */
  readonly raw: (bytes: Buffer) => void
  /** Sends bytes to the one who asks, from another port; then calls back. */
  readonly rawFromElsewhere: (bytes: Buffer, sent: () => void) => void
  /** Answers properly, with whatever is given. */
  readonly reply: (part?: Packet & { rcode?: number }) => void
  /** The bytes of such an answer. */
  readonly bytes: (part?: Packet & { rcode?: number }) => Buffer
}

export type StandIn = {
  readonly port: number
  /** `nameserver 127.0.0.1:12345` */
  readonly line: string
  /** Every question, as `udp A name`. */
  readonly asked: string[]
}

export const SERVFAIL = 2
export const NXDOMAIN = 3
export const REFUSED = 5

export const frame = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function answerBytes(query: Packet, part: Packet & { rcode?: number } = {}): Buffer {
  const { rcode = 0, flags = 0, ...rest } = part
  return encode({
    type: 'response',
    id: query.id ?? 0,
    questions: query.questions ?? [],
    ...rest,
    flags: flags | rcode,
  })
}

/** UDP and TCP on one free port of the loopback; the TCP port may be taken, so try again then. */
async function bindBoth(): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const { port } = udp.address()
    const tcp = createServer().listen(port, '127.0.0.1')
    try {
      await once(tcp, 'listening')
      return { udp, tcp, port }
    } catch {
      udp.close()
    }
  }
}

/** A DNS server that does what the test says; it ends with the test. */
export async function standIn(t: Test, react: (asked: Asked) => unknown): Promise<StandIn> {
  const { udp, tcp, port } = await bindBoth()
  const elsewhere = createSocket('udp4')
  const asked: string[] = []
  const take = (
    message: Buffer,
    over: 'udp' | 'tcp',
    raw: Asked['raw'],
    rawFromElsewhere: Asked['rawFromElsewhere'],
  ): void => {
    const query = decode(message)
    const question = query.questions?.[0]
    if (!question) throw new Error('a question without a question')
    asked.push(`${over} ${question.type} ${question.name}`)
    const bytes: Asked['bytes'] = part => answerBytes(query, part)
    const reply: Asked['reply'] = part => raw(over === 'udp' ? bytes(part) : frame(bytes(part)))
    react({ question, over, query, raw, rawFromElsewhere, reply, bytes })
  }
  udp.on('message', (message, from) =>
    take(
      message,
      'udp',
      bytes => udp.send(bytes, from.port, from.address, () => undefined),
      (bytes, sent) => elsewhere.send(bytes, from.port, from.address, sent),
    ),
  )
  tcp.on('connection', connection => {
    let received = Buffer.alloc(0)
    connection.on('error', () => undefined)
    connection.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const raw = (bytes: Buffer): void => {
        if (bytes.length === 0) connection.end()
        else connection.write(bytes)
      }
      take(received.subarray(2), 'tcp', raw, (_, sent) => sent())
    })
    t.teardown(() => connection.destroy())
  })
  t.teardown(() => {
    udp.close()
    elsewhere.close()
    tcp.close()
  })
  return { port, line: `nameserver 127.0.0.1:${port}`, asked }
}

export const a = (name: string, data: string): Answer => ({ type: 'A', name, ttl: 5, data })
export const aaaa = (name: string, data: string): Answer => ({ type: 'AAAA', name, ttl: 5, data })
export const cname = (name: string, data: string): Answer => ({ type: 'CNAME', name, ttl: 5, data })
export const srv = (name: string, target: string, port: number): Answer => ({
  type: 'SRV',
  name,
  ttl: 5,
  data: { target, port, priority: 0, weight: 1 },
})

/** A server that has these records, and says NXDOMAIN for names without any. */
export const zone =
  (records: readonly Answer[]) =>
  ({ question, reply }: Asked): void => {
    const named = records.filter(({ name }) => name === question.name)
    const answers = named.filter(({ type }) => type === question.type || type === 'CNAME')
    reply({ answers, rcode: named.length > 0 ? 0 : NXDOMAIN })
  }

/** Time enough for an answer that comes, on any machine. */
export const PATIENT = { timeoutMs: 25_000, boundMs: 60_000 }

/** A resolver over a resolv.conf of these lines. */
export function resolverOver(
  t: Test,
  lines: readonly string[],
  limits: { timeoutMs?: number; boundMs?: number } = PATIENT,
): Resolver {
  const folder = mkdtempSync(join(tmpdir(), 'dns-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const resolvConf = join(folder, 'resolv.conf')
  writeFileSync(resolvConf, `${lines.join('\n')}\n`)
  return createResolver({ resolvConf, ...limits })
}

/** A signal that nobody aborts. */
export const calm = (): AbortSignal => new AbortController().signal
