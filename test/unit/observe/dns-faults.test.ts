import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { a, calm, PATIENT, REFUSED, resolverOver, standIn, zone } from './dns-stand-in.ts'
import type { Asked } from './dns-stand-in.ts'

const silent = (): void => {}

/** Everything that is not the answer to the question; then, perhaps, the true one. */
function pollute({ query, question, raw, rawFromElsewhere, bytes }: Asked, then: () => void): void {
  const lie = [a(question.name, '6.6.6.6')]
  raw(Buffer.from([]))
  raw(Buffer.from('no DNS at all, no DNS at all'))
  raw(bytes({ id: ((query.id ?? 0) + 1) & 0xffff, answers: lie }))
  raw(bytes({ questions: [{ ...question, name: 'elsewhere.example' }], answers: lie }))
  raw(bytes({ questions: [{ ...question, type: 'TXT' }], answers: lie }))
  raw(bytes({ questions: [], answers: lie }))
  raw(bytes({ type: 'query', answers: lie }))
  rawFromElsewhere(bytes({ answers: lie }), then)
}

void t.test('what is not the answer is passed over until the answer comes', async t => {
  const server = await standIn(t, asked => pollute(asked, () => zone([a('x', '10.0.0.1')])(asked)))
  const answer = await resolverOver(t, [server.line]).addressesOf('x.', calm())
  t.strictSame(answer, { state: 'found', addresses: ['10.0.0.1'] })
})

void t.test('what is not the answer alone is a failure', async t => {
  const server = await standIn(t, asked => pollute(asked, silent))
  const resolver = resolverOver(t, [server.line, 'options attempts:1'], { timeoutMs: 500 })
  const answer = await resolver.addressesOf('x.', calm())
  t.match(answer, { state: 'failed', because: /127\.0\.0\.1:\d+ was silent for 500 ms/ })
})

void t.test('the case of the name is of no importance', async t => {
  const server = await standIn(t, ({ question, reply }) => {
    const name = question.name.toUpperCase()
    reply({
      questions: [{ ...question, name }],
      answers: question.type === 'A' ? [a(name, '10.0.0.1')] : [],
    })
  })
  const answer = await resolverOver(t, [server.line]).addressesOf('x.y.', calm())
  t.match(answer, { state: 'found', addresses: ['10.0.0.1'] })
})

void t.test('silence of all is a failure; every server is asked in every attempt', async t => {
  const first = await standIn(t, silent)
  const second = await standIn(t, silent)
  const lines = [first.line, second.line, 'options attempts:3']
  const answer = await resolverOver(t, lines, { timeoutMs: 40 }).addressesOf('x.', calm())
  for (const { port } of [first, second])
    t.match(answer, { state: 'failed', because: `127.0.0.1:${port} was silent for 40 ms` })
  // Three times two families; what was sent last may not be read yet.
  while (first.asked.length < 6 || second.asked.length < 6) await setTimeout(5)
})

void t.test(
  'a lost packet is asked for again, and the second server after a silent one',
  async t => {
    let lost = 0
    const server = await standIn(t, asked => {
      if (lost++ >= 2) zone([a('x', '10.0.0.1')])(asked)
    })
    const dead = await standIn(t, silent)
    // Five attempts of 300 ms: one of them gets its answer in time on any machine.
    const lines = [dead.line, server.line, 'options attempts:5']
    const answer = await resolverOver(t, lines, { timeoutMs: 300, boundMs: 60_000 }).addressesOf(
      'x.',
      calm(),
    )
    t.strictSame(answer, { state: 'found', addresses: ['10.0.0.1'] })
    t.ok(dead.asked.length >= 2)
  },
)

void t.test('a port at which nobody listens fails at once', async t => {
  const good = await standIn(t, ({ reply }) => reply({ rcode: REFUSED }))
  const lines = ['nameserver 127.0.0.1:1', good.line]
  const answer = await resolverOver(t, lines, PATIENT).addressesOf('x.', calm())
  t.match(answer, { state: 'failed', because: /127\.0\.0\.1:1 cannot be asked \(ECONNREFUSED\)/ })
})

void t.test(
  'the bound holds however long the time-outs, and every server has its turn',
  async t => {
    const first = await standIn(t, silent)
    const last = await standIn(t, zone([a('x', '10.0.0.1')]))
    const bounded = { timeoutMs: 600_000, boundMs: 300 }
    const lost = await resolverOver(t, [first.line], bounded).addressesOf('x.', calm())
    t.match(lost, { state: 'failed', because: /was silent for \d+ ms/ })
    const roomy = { timeoutMs: 600_000, boundMs: 6000 }
    const answer = await resolverOver(t, [first.line, last.line], roomy).addressesOf('x.', calm())
    t.match(answer, { state: 'found', addresses: ['10.0.0.1'] })
  },
)

void t.test('hundreds of names at a time never overflow a server', async t => {
  let held = 0
  let most = 0
  const server = await standIn(t, async asked => {
    most = Math.max(most, ++held)
    await setTimeout(20)
    held--
    zone([a('x', '10.0.0.1')])(asked)
  })
  const limits = { timeoutMs: 5000, boundMs: 60_000 }
  const resolver = resolverOver(t, [server.line, 'options attempts:4'], limits)
  const many = Array.from({ length: 400 }, () => resolver.addressesOf('x.', calm()))
  const states = (await Promise.all(many)).map(({ state }) => state)
  t.strictSame([...new Set(states)], ['found'])
  t.ok(most <= 128, `${most} questions at a time`)
})

void t.test('an abort ends all at once', async t => {
  const controller = new AbortController()
  const server = await standIn(t, () => controller.abort())
  const resolver = resolverOver(t, [server.line, 'search a b'], PATIENT)
  const answers = await Promise.all([
    resolver.addressesOf('x', controller.signal),
    resolver.hostsOf('x', controller.signal),
  ])
  for (const answer of answers) t.match(answer, { state: 'failed', because: /was given up/ })
  const unasked = await standIn(t, silent)
  const late = resolverOver(t, [unasked.line]).addressesOf('x', controller.signal)
  t.match(await late, { state: 'failed', because: /was given up/ })
  t.strictSame(unasked.asked, [], 'nothing is asked after it')
})

void t.test('an abort over TCP ends it too', async t => {
  const controller = new AbortController()
  const server = await standIn(t, ({ over, reply }) => {
    if (over === 'udp') reply({ flags: 0x200 })
    else controller.abort()
  })
  const answer = await resolverOver(t, [server.line]).addressesOf('x.', controller.signal)
  t.match(answer, { state: 'failed', because: /was given up/ })
})

void t.test('no timer and no socket outlives a call: the process ends by itself', async t => {
  const server = await standIn(t, asked => {
    if (asked.question.name === 'x') zone([a('x', '10.0.0.1')])(asked)
    else if (asked.question.name === 'cut') asked.reply({ flags: 0x200 })
  })
  const resolvConf = join(t.testdir({}), 'resolv.conf')
  writeFileSync(resolvConf, server.line)
  const resolver = new URL('../../../agent/observe/dns/resolver.ts', import.meta.url).href
  const script = `
    const { createResolver } = await import(${JSON.stringify(resolver)})
    const limits = { timeoutMs: 600_000, boundMs: 600_000 }
    const resolver = createResolver({ resolvConf: ${JSON.stringify(resolvConf)}, ...limits })
    const controller = new AbortController()
    const { signal } = controller
    const found = await resolver.addressesOf('x.', signal)
    const rest = [...'0123456789abcdef'].map(name => resolver.addressesOf(name + '.', signal))
    rest.push(resolver.addressesOf('cut.', signal))
    setTimeout(() => controller.abort(), 50)
    const states = (await Promise.all(rest)).map(({ state }) => state)
    console.log([found.state, ...new Set(states)].join(' '))`
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings=ExperimentalWarning', '--input-type=module', '-e', script],
    { timeout: 60_000 },
  )
  t.equal(stdout.trim(), 'found failed')
  t.notMatch(stderr, 'MaxListenersExceeded')
})
