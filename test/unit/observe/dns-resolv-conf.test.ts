import { chmodSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { canonicalAddress, orderAddresses } from '../../../agent/observe/dns/address.ts'
import { createResolver } from '../../../agent/observe/dns/resolver.ts'
import {
  createResolvConfReader,
  parseResolvConf,
  serverName,
} from '../../../agent/observe/dns/resolv-conf.ts'
import { a, calm, PATIENT, resolverOver, standIn, zone } from './dns-stand-in.ts'

void t.test('reads what a kubelet writes', async t => {
  const conf = parseResolvConf(
    'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
  )
  t.strictSame(conf, {
    servers: [{ address: '10.96.0.10', port: 53 }],
    search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    ndots: 5,
    timeoutMs: null,
    attempts: 2,
  })
})

void t.test('reads ports, brackets, scopes, comments and limits', async t => {
  const conf = parseResolvConf(
    [
      '# nameserver 9.9.9.9',
      '; nameserver 9.9.9.8',
      'nameserver 127.0.0.1:5353 # ours',
      '\tnameserver 9.9.9.7',
      'nameserver\t[::1]:5353\r',
      'nameserver [FD00:0::1]',
      'nameserver fe80::1%eth0',
      'nameserver [fe80::1%eth0]:54',
      'nameserver dns.example.com',
      'nameserver 127.0.0.1:0',
      'nameserver 127.0.0.1:99999',
      'nameserver',
      'domain first.example',
      'search .second.example. . third.example ; not.this',
      'options ndots:99 timeout:0 rotate attempts:3',
      'options timeout:2 edns0 ndots:x',
      'sortlist 10.0.0.0',
    ].join('\n'),
  )
  t.strictSame(conf.servers.map(serverName), [
    '127.0.0.1:5353',
    '[::1]:5353',
    '[fd00::1]:53',
    '[fe80::1%eth0]:53',
    '[fe80::1%eth0]:54',
  ])
  t.strictSame(conf.search, ['second.example', 'third.example'])
  t.match(conf, { ndots: 15, timeoutMs: 2000, attempts: 3 })
})

void t.test('spells an address one way only', async t => {
  t.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  t.equal(canonicalAddress('::FFFF:10.0.0.1'), '::ffff:10.0.0.1')
  t.equal(canonicalAddress('fe80:0::1%eth0'), 'fe80::1%eth0')
  t.equal(canonicalAddress('10.0.0.1'), '10.0.0.1')
  for (const none of ['', 'redis', '10.0.0', '10.0.0.1%eth0', 'fe80::1%'])
    t.equal(canonicalAddress(none), null, none)
  t.strictSame(orderAddresses(['fd00::2', '10.0.0.2', 'fd00::1', '10.0.0.1', '10.0.0.2']), [
    '10.0.0.1',
    '10.0.0.2',
    'fd00::1',
    'fd00::2',
  ])
})

void t.test(
  'a file that is missing, unreadable or empty is a failure, and never "absent"',
  async t => {
    const missing = join(t.testdir({}), 'resolv.conf')
    const resolver = createResolver({ resolvConf: missing })
    t.match(await resolver.addressesOf('redis.', calm()), { state: 'failed', because: /ENOENT/ })
    t.match(await resolver.hostsOf('redis.', calm()), { state: 'failed', because: /ENOENT/ })

    writeFileSync(missing, '# nothing yet\nnameserver nonsense\n')
    const none = await resolver.addressesOf('redis.', calm())
    t.match(none, { state: 'failed', because: /resolv\.conf names no usable nameserver/ })

    const unreadable = createResolver({ resolvConf: dirname(missing) })
    t.match(await unreadable.addressesOf('redis.', calm()), { state: 'failed', because: /EISDIR/ })
    if (process.getuid?.() !== 0) {
      chmodSync(missing, 0)
      t.match(await resolver.addressesOf('redis.', calm()), { state: 'failed', because: /EACCES/ })
    }
  },
)

void t.test('a changed file counts at once', async t => {
  const first = await standIn(t, zone([a('redis', '10.0.0.1')]))
  const second = await standIn(t, zone([a('redis', '10.0.0.2')]))
  const resolvConf = join(t.testdir({}), 'resolv.conf')
  writeFileSync(resolvConf, first.line)
  const resolver = createResolver({ resolvConf, ...PATIENT })
  t.match(await resolver.addressesOf('redis.', calm()), { addresses: ['10.0.0.1'] })
  writeFileSync(resolvConf, second.line)
  // The clock of a file system may tick slower than this test runs.
  utimesSync(resolvConf, 1, 1)
  t.match(await resolver.addressesOf('redis.', calm()), { addresses: ['10.0.0.2'] })
  rmSync(resolvConf)
  t.match(await resolver.addressesOf('redis.', calm()), { state: 'failed' })
})

void t.test('an unchanged file is not parsed again', async t => {
  const resolvConf = join(t.testdir({ 'resolv.conf': 'nameserver 10.0.0.1\n' }), 'resolv.conf')
  const read = createResolvConfReader(resolvConf)
  const first = await read()
  const again = await read()
  t.ok(first.state === 'read' && again.state === 'read' && again.conf === first.conf)
})

const named = [
  a('redis', '10.0.0.1'),
  a('redis.shop.svc', '10.0.0.2'),
  a('redis.svc', '10.0.0.3'),
  a('a.b.c', '10.0.0.4'),
  a('a.b.c.shop.svc', '10.0.0.5'),
]
const searchLines = ['search shop.svc svc']
const orders = [
  { name: 'redis.', ndots: 5, found: '10.0.0.1', asked: ['redis'] },
  { name: 'redis', ndots: 1, found: '10.0.0.2', asked: ['redis.shop.svc'] },
  { name: 'redis', ndots: 0, found: '10.0.0.1', asked: ['redis'] },
  { name: 'a.b.c', ndots: 2, found: '10.0.0.4', asked: ['a.b.c'] },
  { name: 'a.b.c', ndots: 3, found: '10.0.0.5', asked: ['a.b.c.shop.svc'] },
  { name: 'gone', ndots: 1, found: null, asked: ['gone.shop.svc', 'gone.svc', 'gone'] },
  {
    name: 'gone.svc',
    ndots: 1,
    found: null,
    asked: ['gone.svc', 'gone.svc.shop.svc', 'gone.svc.svc'],
  },
]
for (const { name, ndots, found, asked } of orders)
  void t.test(`search list: ${name} with ndots:${ndots}`, async t => {
    const server = await standIn(t, zone(named))
    const resolver = resolverOver(t, [server.line, ...searchLines, `options ndots:${ndots}`])
    const answer = await resolver.addressesOf(name, calm())
    t.strictSame(answer, found ? { state: 'found', addresses: [found] } : { state: 'absent' })
    const names = server.asked.map(line => line.split(' ')[2] ?? '')
    t.strictSame([...new Set(names)], asked)
  })

void t.test(
  'a broken domain of the search list hides no other, and is no "absent" either',
  async t => {
    const server = await standIn(t, asked => {
      if (asked.question.name.endsWith('.broken')) asked.reply({ rcode: 2 })
      else zone(named)(asked)
    })
    const resolver = resolverOver(t, [server.line, 'search broken svc'])
    t.strictSame(await resolver.addressesOf('redis', calm()), {
      state: 'found',
      addresses: ['10.0.0.3'],
    })
    const gone = await resolver.addressesOf('gone', calm())
    t.match(gone, { state: 'failed', because: /gone\.broken: 127\.0\.0\.1:\d+ answered SERVFAIL/ })
  },
)
