import t from 'tap'
import { candidates } from '../../../agent/observe/dns/resolver.ts'
import { a, calm, cname, NXDOMAIN, resolverOver, standIn } from './dns-stand-in.ts'

void t.test('aliases are followed inside an answer and by asking again', async t => {
  const chain = [cname('one', 'two'), cname('two', 'three')]
  const server = await standIn(t, ({ question: { name, type }, reply }) => {
    if (name === 'one') reply({ answers: chain.toReversed() })
    else if (name === 'inside') reply({ answers: [cname(name, 'x'), ...last('x', type)] })
    else if (name === 'three') reply({ answers: last(name, type) })
    else if (name === 'dangling') reply({ answers: [cname(name, 'gone')], rcode: NXDOMAIN })
    else if (name === 'empty') reply({ answers: [cname(name, 'nodata')] })
    else reply({ rcode: name === 'nodata' ? 0 : NXDOMAIN })
  })
  const last = (name: string, type: string) => (type === 'A' ? [a(name, '10.0.0.3')] : [])
  const resolver = resolverOver(t, [server.line])
  t.match(await resolver.addressesOf('one.', calm()), { addresses: ['10.0.0.3'] })
  t.match(await resolver.addressesOf('inside.', calm()), { addresses: ['10.0.0.3'] })
  t.strictSame(await resolver.addressesOf('dangling.', calm()), { state: 'absent' })
  t.strictSame(await resolver.addressesOf('empty.', calm()), { state: 'absent' })
})

void t.test('aliases that run in a loop or too deep are a failure', async t => {
  const server = await standIn(t, ({ question: { name, type }, reply }) => {
    const next = Number(name.slice(1)) + 1
    if (name === 'loop') reply({ answers: [cname('loop', 'pool'), cname('pool', 'loop')] })
    else if (name === 'slow') reply({ answers: [cname('slow', 'owls')] })
    else if (name === 'owls') reply({ answers: [cname('owls', 'slow')] })
    else if (name === 'n9' && type === 'A') reply({ answers: [a('n9', '10.0.0.9')] })
    else reply({ answers: name === 'n9' ? [] : [cname(name, `n${next}`)] })
  })
  const resolver = resolverOver(t, [server.line])
  const loop = { state: 'failed', because: /loop: loop -> pool -> loop/ }
  t.match(await resolver.addressesOf('loop.', calm()), loop)
  const slow = { state: 'failed', because: /loop: slow -> owls -> slow/ }
  t.match(await resolver.addressesOf('slow.', calm()), slow)
  t.match(await resolver.addressesOf('n1.', calm()), { addresses: ['10.0.0.9'] }, 'eight')
  const deep = { state: 'failed', because: /more than 8 aliases/ }
  t.match(await resolver.addressesOf('n0.', calm()), deep, 'nine')
})

void t.test('a name that DNS cannot carry is refused without asking', async t => {
  const server = await standIn(t, ({ reply }) => reply({}))
  const resolver = resolverOver(t, [server.line])
  for (const name of ['', '.', 'a..b.', `${'x'.repeat(64)}.`, 'x.'.repeat(128), 'ä.'])
    t.match(await resolver.addressesOf(name, calm()), { state: 'failed', because: /not a name/ })
  t.strictSame(server.asked, [])
  const conf = { servers: [], search: ['y'.repeat(10)], ndots: 1, timeoutMs: null, attempts: 1 }
  t.strictSame(candidates('x'.repeat(250), conf), ['x'.repeat(250)])
})
