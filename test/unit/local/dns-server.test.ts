import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import dnsPacket, { type DecodedPacket, type RecordType } from 'dns-packet'
import t, { type Test } from 'tap'
import { DnsServer } from '../../../local/dns-server.ts'

const domain = 'redis-cluster.default.svc.cluster.local'
const podName = `redis-cluster-1.${domain}`

async function startServer(t: Test, count = 3): Promise<DnsServer> {
  const pods = new Map(
    Array.from({ length: count }, (_, i) => [
      `redis-cluster-${i}`,
      { address: `127.9.9.${i + 1}`, port: 6379 },
    ]),
  )
  const server = await DnsServer.listen('127.0.0.1', 0, () => ({ domain, pods }))
  t.teardown(() => server.close())
  return server
}

const encode = (name: string, type: RecordType): Buffer =>
  dnsPacket.encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type, name }] })

/** The bytes of the answer over UDP; null if there is none within the time. */
async function askUdp(
  server: DnsServer,
  name: string,
  type: RecordType = 'A',
  patienceMs = 10_000,
): Promise<Buffer | null> {
  const socket = createSocket('udp4')
  try {
    socket.send(encode(name, type), server.port, server.address)
    const [bytes] = (await once(socket, 'message', {
      signal: AbortSignal.timeout(patienceMs),
    })) as [Buffer]
    return bytes
  } catch {
    return null
  } finally {
    socket.close()
  }
}

async function askTcp(server: DnsServer, name: string, type: RecordType): Promise<DecodedPacket> {
  const socket = connect(server.port, server.address)
  const query = encode(name, type)
  // In two parts, as TCP may bring it.
  const framed = Buffer.concat([Buffer.from([0, query.length]), query])
  socket.write(framed.subarray(0, 5))
  await once(socket, 'connect')
  socket.write(framed.subarray(5))
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) break
  }
  return dnsPacket.decode(bytes.subarray(2))
}

async function ask(server: DnsServer, name: string, type: RecordType = 'A') {
  const bytes = await askUdp(server, name, type)
  return bytes ? dnsPacket.decode(bytes) : null
}

const addresses = (packet: DecodedPacket | null): unknown[] =>
  (packet?.answers ?? []).map(answer => ('data' in answer ? answer.data : null))
const codeOf = (packet: DecodedPacket | null): number => (packet?.flags ?? 0) & 15

void t.test('names pods, the Service, and nobody else', async t => {
  const server = await startServer(t)
  t.strictSame(addresses(await ask(server, podName)), ['127.9.9.2'])
  t.strictSame(addresses(await ask(server, podName.toUpperCase())), ['127.9.9.2'])
  t.strictSame(addresses(await ask(server, domain)), ['127.9.9.1', '127.9.9.2', '127.9.9.3'])
  const services = await ask(server, `_redis._tcp.${domain}`, 'SRV')
  t.match(addresses(services)[1], { target: podName, port: 6379 })
  const noSuchPod = await ask(server, `redis-cluster-9.${domain}`)
  t.equal(codeOf(noSuchPod), 3, 'NXDOMAIN for a pod that is not there')
  t.equal(noSuchPod?.authorities?.[0]?.type, 'SOA')
  t.equal(codeOf(await ask(server, `${podName}.default.svc.cluster.local`)), 3)
  const noAddressOfSix = await ask(server, podName, 'AAAA')
  t.equal(codeOf(noAddressOfSix), 0, 'a name without records of that type exists')
  t.equal(noAddressOfSix?.answers?.length, 0)
})

void t.test('truncates over UDP what only TCP can carry', async t => {
  const server = await startServer(t, 60)
  const udp = await ask(server, domain)
  t.equal(udp?.flag_tc, true)
  t.strictSame(addresses(udp), [])
  t.equal(addresses(await askTcp(server, domain, 'A')).length, 60)
})

void t.test('answers wrongly where a test wants it, and rightly again afterwards', async t => {
  const server = await startServer(t)
  server.setFault('all', { kind: 'servfail' })
  t.equal(codeOf(await ask(server, podName)), 2)
  t.equal(codeOf(await askTcp(server, podName, 'A')), 2)
  server.setFault('all', { kind: 'garbage' })
  const garbage = await askUdp(server, podName)
  t.match(garbage?.toString(), 'no answer')
  server.setFault('all', { kind: 'truncate' })
  t.equal((await ask(server, podName))?.flag_tc, true)
  t.strictSame(addresses(await askTcp(server, podName, 'A')), ['127.9.9.2'])
  server.setFault('all', { kind: 'drop' })
  t.equal(await askUdp(server, podName, 'A', 300), null)
  server.setFault('all', null)
  server.setFault('redis-cluster-1', { kind: 'stale', address: '127.9.9.77' })
  t.strictSame(addresses(await ask(server, podName)), ['127.9.9.77'])
  server.setFault('redis-cluster-1', { kind: 'absent' })
  t.equal(codeOf(await ask(server, podName)), 3)
  t.strictSame(addresses(await ask(server, domain)), ['127.9.9.1', '127.9.9.3'])
  server.setFault('redis-cluster-1', { kind: 'late', ms: 200 })
  t.equal(await askUdp(server, podName, 'A', 20), null)
  t.strictSame(addresses(await ask(server, podName)), ['127.9.9.2'], 'late, and right')
  server.setFault('redis-cluster-1', null)
  t.strictSame(addresses(await ask(server, podName)), ['127.9.9.2'])
})
