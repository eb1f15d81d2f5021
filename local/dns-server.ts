import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket as Connection } from 'node:net'
import dnsPacket, { type Packet } from 'dns-packet'
import { answer, podOfName, SERVFAIL, truncated, type DnsFault, type Zone } from './dns-answer.ts'

/** UDP answers without EDNS hold 512 bytes (RFC 1035 section 2.3.4). */
const PLAIN_UDP_BYTES = 512
/** What servers agreed on for EDNS so that no datagram is ever fragmented. */
const MOST_UDP_BYTES = 1232

type Reply = (bytes: Buffer) => void

/**
 * The cluster's DNS on one machine: answers for the headless Service from the pods that `zone`
 * names at that moment, over UDP and TCP. Tests make it answer wrongly with `setFault`.
 */
export class DnsServer {
  readonly address: string
  readonly port: number
  /** How many questions came; for tests of an agent that must ask anew. */
  questions = 0
  readonly #zone: () => Zone
  readonly #faults = new Map<string, DnsFault>()
  readonly #udp: Socket
  readonly #tcp: Server
  readonly #connections = new Set<Connection>()
  readonly #late = new Set<NodeJS.Timeout>()

  private constructor(address: string, port: number, zone: () => Zone, udp: Socket, tcp: Server) {
    this.address = address
    this.port = port
    this.#zone = zone
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (bytes, from) => {
      this.#handle(bytes, 'udp', reply => udp.send(reply, from.port, from.address, () => undefined))
    })
    udp.on('error', () => undefined)
    tcp.on('connection', connection => this.#converse(connection))
  }

  /**
   * Listens on both protocols.
   * @throws the error of the socket, EADDRINUSE among them, if the port is not free.
   */
  static async listen(address: string, port: number, zone: () => Zone): Promise<DnsServer> {
    const tcp = createServer()
    tcp.listen({ host: address, port, exclusive: true })
    await once(tcp, 'listening')
    const bound = tcp.address()
    const actual = typeof bound === 'object' && bound ? bound.port : port
    const udp = createSocket('udp4')
    try {
      udp.bind({ address, port: actual, exclusive: true })
      await once(udp, 'listening')
    } catch (error) {
      tcp.close()
      udp.close()
      throw error
    }
    return new DnsServer(address, actual, zone, udp, tcp)
  }

  /** The line for resolv.conf. */
  get nameserver(): string {
    return `nameserver ${this.address}:${this.port}`
  }

  /** Makes answers about the pod (or all answers) wrong, until it is set to null. */
  setFault(pod: 'all' | (string & {}), fault: DnsFault | null): void {
    if (fault) this.#faults.set(pod, fault)
    else this.#faults.delete(pod)
  }

  async close(): Promise<void> {
    for (const timer of this.#late) clearTimeout(timer)
    for (const connection of this.#connections) connection.destroy()
    this.#tcp.close()
    this.#udp.close()
    await once(this.#tcp, 'close')
  }

  #converse(connection: Connection): void {
    this.#connections.add(connection)
    connection.on('close', () => this.#connections.delete(connection))
    connection.on('error', () => undefined)
    let buffer = Buffer.alloc(0)
    connection.on('data', chunk => {
      buffer = Buffer.concat([buffer, chunk])
      while (buffer.length >= 2 && buffer.length >= 2 + buffer.readUInt16BE(0)) {
        const end = 2 + buffer.readUInt16BE(0)
        this.#handle(buffer.subarray(2, end), 'tcp', reply => {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(reply.length)
          if (connection.writable) connection.write(Buffer.concat([length, reply]))
        })
        buffer = buffer.subarray(end)
      }
    })
  }

  #handle(bytes: Buffer, protocol: 'udp' | 'tcp', reply: Reply): void {
    let query: Packet
    try {
      query = dnsPacket.decode(bytes)
    } catch {
      return
    }
    this.questions++
    const fault = this.#faultOf(query)
    if (fault?.kind === 'drop') return
    if (fault?.kind === 'garbage') return reply(Buffer.from('this is no answer at all'))
    if (fault?.kind !== 'late') return this.#answer(query, protocol, reply)
    const timer = setTimeout(() => {
      this.#late.delete(timer)
      this.#answer(query, protocol, reply)
    }, fault.ms)
    this.#late.add(timer)
  }

  #faultOf(query: Packet): DnsFault | undefined {
    const name = query.questions?.[0]?.name ?? ''
    return this.#faults.get(podOfName(this.#zone(), name) ?? '') ?? this.#faults.get('all')
  }

  #answer(query: Packet, protocol: 'udp' | 'tcp', reply: Reply): void {
    const fault = this.#faultOf(query)
    let response = answer(this.#seenZone(), query)
    if (fault?.kind === 'servfail')
      response = { ...truncated(response), flags: SERVFAIL, type: 'response' }
    const whole = dnsPacket.encode(response)
    const edns = query.additionals?.find(record => record.type === 'OPT')
    const most = edns
      ? Math.min(MOST_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, edns.udpPayloadSize))
      : PLAIN_UDP_BYTES
    const cut = protocol === 'udp' && (fault?.kind === 'truncate' || whole.length > most)
    reply(cut ? dnsPacket.encode(truncated(response)) : whole)
  }

  /** The zone with the absent pods taken out and the stale addresses put in. */
  #seenZone(): Zone {
    const zone = this.#zone()
    const pods = new Map(zone.pods)
    for (const [pod, fault] of this.#faults) {
      if (fault.kind === 'absent' && pod === 'all') pods.clear()
      else if (fault.kind === 'absent') pods.delete(pod)
      else if (fault.kind === 'stale')
        pods.set(pod, { port: pods.get(pod)?.port ?? 6379, address: fault.address })
    }
    return { domain: zone.domain, pods }
  }
}
