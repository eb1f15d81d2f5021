import type { Answer } from 'dns-packet'
import t from 'tap'
import {
  a,
  aaaa,
  calm,
  frame,
  NXDOMAIN,
  REFUSED,
  resolverOver,
  SERVFAIL,
  srv,
  standIn,
  zone,
} from './dns-stand-in.ts'

const domain = 'redis-cluster.shop.svc.cluster.local'
const pod = (ordinal: number): string => `redis-cluster-${ordinal}.${domain}`
const TRUNCATED = 0x200

void t.test(
  'addresses: both families, IPv4 first, always in the same order and spelling',
  async t => {
    const server = await standIn(
      t,
      zone([
        aaaa(pod(1), 'fd00:0:0:0:0:0:0:2'),
        aaaa(pod(1), 'FD00::1'),
        a(pod(1), '10.0.0.2'),
        a(pod(1), '10.0.0.1'),
        a(pod(1), '10.0.0.1'),
        a(pod(10), '10.0.0.10'),
        aaaa(pod(2), 'fd00::3'),
      ]),
    )
    const resolver = resolverOver(t, [server.line])
    t.strictSame(await resolver.addressesOf(`${pod(1)}.`, calm()), {
      state: 'found',
      addresses: ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2'],
    })
    t.strictSame(server.asked.sort(), [`udp A ${pod(1)}`, `udp AAAA ${pod(1)}`])
    const ten = await resolver.addressesOf(`${pod(10)}.`, calm())
    t.strictSame(ten, { state: 'found', addresses: ['10.0.0.10'] })
    const two = await resolver.addressesOf(`${pod(2)}.`, calm())
    t.strictSame(two, { state: 'found', addresses: ['fd00::3'] })
    t.strictSame(await resolver.addressesOf(`${pod(3)}.`, calm()), { state: 'absent' }, 'NXDOMAIN')
  },
)

void t.test('answers are never kept', async t => {
  let last = 0
  const server = await standIn(t, ({ question, reply }) =>
    reply({ answers: question.type === 'A' ? [a(question.name, `10.0.0.${++last}`)] : [] }),
  )
  const resolver = resolverOver(t, [server.line])
  t.match(await resolver.addressesOf(pod(0), calm()), { addresses: ['10.0.0.1'] })
  t.match(await resolver.addressesOf(pod(0), calm()), { addresses: ['10.0.0.2'] })
})

const chaos = (name: string, data: string): Answer => ({ type: 'A', name, data, class: 'CH' })

void t.test('records of other names and classes do not count', async t => {
  const server = await standIn(t, ({ question, reply }) =>
    reply({
      answers: [
        a('elsewhere.example', '10.0.0.1'),
        chaos(question.name, '10.0.0.2'),
        a(question.name.toUpperCase(), '10.0.0.3'),
      ].filter(() => question.type === 'A'),
    }),
  )
  const resolver = resolverOver(t, [server.line])
  t.match(await resolver.addressesOf(pod(0), calm()), { addresses: ['10.0.0.3'] })
})

void t.test('no records without an error is absent; a mere referral is a failure', async t => {
  const soa = { type: 'SOA', name: domain, data: { mname: 'ns', rname: 'admin' } } as const
  const ns = { type: 'NS', name: domain, data: 'ns.example' } as const
  const nodata = await standIn(t, ({ reply }) => reply({ authorities: [ns, soa] }))
  const resolver = resolverOver(t, [nodata.line])
  t.strictSame(await resolver.addressesOf(pod(0), calm()), { state: 'absent' })
  t.strictSame(await resolver.hostsOf(domain, calm()), { state: 'absent' })
  const referring = await standIn(t, ({ reply }) => reply({ authorities: [ns] }))
  const answer = await resolverOver(t, [referring.line]).addressesOf(pod(0), calm())
  t.match(answer, { state: 'failed', because: /referral/ })
})

void t.test('one family may fail if the other is found, not if it is absent', async t => {
  const half = (rcode: number) =>
    standIn(t, ({ question, reply }) => {
      if (question.type === 'AAAA') reply({ rcode: SERVFAIL })
      else reply({ rcode, answers: rcode === 0 ? [a(question.name, '10.0.0.1')] : [] })
    })
  const found = resolverOver(t, [(await half(0)).line])
  t.match(await found.addressesOf(pod(0), calm()), { state: 'found', addresses: ['10.0.0.1'] })
  const absent = resolverOver(t, [(await half(NXDOMAIN)).line])
  t.match(await absent.addressesOf(pod(0), calm()), {
    state: 'failed',
    because: /^AAAA redis-cluster-0\.\S+: 127\.0\.0\.1:\d+ answered SERVFAIL$/,
  })
})

void t.test('an error is a failure that names every server and what it did', async t => {
  const refusing = await standIn(t, ({ reply }) => reply({ rcode: REFUSED }))
  const failing = await standIn(t, ({ reply }) => reply({ rcode: SERVFAIL }))
  const resolver = resolverOver(t, [refusing.line, failing.line])
  const answer = await resolver.hostsOf('_redis._tcp.x.', calm())
  t.match(answer, { state: 'failed' })
  const because = answer.state === 'failed' ? answer.because : ''
  t.match(because, `127.0.0.1:${refusing.port} answered REFUSED`)
  t.match(because, `127.0.0.1:${failing.port} answered SERVFAIL`)
  t.equal(failing.asked.length, 1, 'an error is not asked for twice')
})

void t.test('the next server is asked after an error or an unreadable answer', async t => {
  const failing = await standIn(t, ({ reply }) => reply({ rcode: SERVFAIL }))
  const cut = await standIn(t, ({ raw, bytes, question }) =>
    raw(bytes({ answers: [a(question.name, '10.0.0.9')] }).subarray(0, -2)),
  )
  const good = await standIn(t, zone([a(pod(0), '10.0.0.1')]))
  const resolver = resolverOver(t, [failing.line, cut.line, good.line])
  t.match(await resolver.addressesOf(pod(0), calm()), { addresses: ['10.0.0.1'] })
  t.equal(cut.asked.length, 2)
})

void t.test('a server without EDNS is asked in the old way', async t => {
  const server = await standIn(t, asked => {
    const edns = asked.query.additionals?.some(({ type }) => type === 'OPT')
    if (edns) asked.raw(asked.bytes({ rcode: 1, questions: [] }))
    else zone([a(pod(0), '10.0.0.1')])(asked)
  })
  const resolver = resolverOver(t, [server.line])
  t.match(await resolver.addressesOf(pod(0), calm()), { addresses: ['10.0.0.1'] })
})

void t.test('a truncated answer is fetched over TCP, in however many pieces it comes', async t => {
  const many = Array.from({ length: 300 }, (_, i) => a(pod(0), `10.0.${i >> 8}.${i & 255}`))
  const server = await standIn(t, ({ over, question, raw, reply, bytes }) => {
    const answers = question.type === 'A' ? many : []
    if (over === 'udp') {
      // Cut off in the middle of a record, as some servers do.
      const part = bytes({ flags: TRUNCATED, answers: many.slice(0, 5) })
      if (question.type === 'A') raw(part.subarray(0, -7))
      else reply({ flags: TRUNCATED })
      return
    }
    const whole = frame(bytes({ answers }))
    const cuts = [0, 1, 2, 3, 20, whole.length]
    const send = (i: number): void => {
      if (i + 1 >= cuts.length) return
      raw(whole.subarray(cuts[i], cuts[i + 1]))
      setImmediate(send, i + 1)
    }
    send(0)
  })
  const answer = await resolverOver(t, [server.line]).addressesOf(pod(0), calm())
  t.equal(answer.state === 'found' && answer.addresses.length, 300)
  t.equal(server.asked.filter(line => line.startsWith('tcp A ')).length, 1)
})

void t.test('a TCP server that hangs up early, lies or refuses is a failure', async t => {
  const hangsUp = await standIn(t, ({ over, raw, reply }) => {
    if (over === 'udp') return reply({ flags: TRUNCATED })
    raw(Buffer.from([0, 200, 1, 2, 3]))
    raw(Buffer.alloc(0))
  })
  const lies = await standIn(t, ({ over, query, raw, reply, bytes }) => {
    if (over === 'udp') return reply({ flags: TRUNCATED })
    raw(frame(bytes({ id: ((query.id ?? 0) + 1) & 0xffff })))
  })
  const resolver = resolverOver(t, [hangsUp.line, lies.line])
  const answer = await resolver.addressesOf(pod(0), calm())
  t.match(answer, { state: 'failed', because: /hung up before its answer was whole/ })
  t.match(answer, { state: 'failed', because: /sent a wrong id over TCP/ })
})

void t.test(
  'hosts: pods and ports of a headless Service, in the order of the ordinals',
  async t => {
    const service = `_redis._tcp.${domain}`
    const server = await standIn(
      t,
      zone([
        ...[10, 2, 1, 0].map(ordinal => srv(service, pod(ordinal), 6379)),
        srv(service, pod(0).toUpperCase(), 6379),
        srv(service, '.', 6379),
        a(pod(0), '10.0.0.1'),
      ]),
    )
    const resolver = resolverOver(t, [server.line])
    t.strictSame(await resolver.hostsOf(`${domain}.`, calm()), {
      state: 'found',
      hosts: [0, 1, 2, 10].map(ordinal => ({ name: pod(ordinal), port: 6379 })),
    })
    t.strictSame(server.asked, [`udp SRV ${service}`])
  },
)

void t.test('hosts: the plain name of the Service where no port is named redis', async t => {
  const server = await standIn(t, zone([srv(domain, pod(0), 7000), srv(domain, pod(0), 6999)]))
  const resolver = resolverOver(t, [server.line])
  t.strictSame(await resolver.hostsOf(`${domain}.`, calm()), {
    state: 'found',
    hosts: [
      { name: pod(0), port: 6999 },
      { name: pod(0), port: 7000 },
    ],
  })
  t.strictSame(await resolver.hostsOf('gone.', calm()), { state: 'absent' })
})
