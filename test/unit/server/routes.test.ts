import t from 'tap'
import { readiness } from '../../../agent/cluster/readiness.ts'
import { AgentError } from '../../../agent/errors.ts'
import { createMetrics } from '../../../agent/server/metrics.ts'
import { createRoutes, type Commands, type Reach } from '../../../agent/server/routes.ts'
import type { AgentSnapshot } from '../../../agent/server/snapshot.ts'
import { answered, blank, factsOf, snapshotOf } from './snapshots.ts'

const commands: Commands = {
  pause: async () => 'paused',
  resume: async () => 'resumed',
  fix: async acceptDataLoss => `fix ${acceptDataLoss}`,
}

const routesOf = (snapshot: () => AgentSnapshot, reach: Reach = 'network', change = commands) =>
  createRoutes(
    {
      ports: { port: 6379, httpPort: 9121 },
      version: '1.2.3',
      metrics: createMetrics('1.2.3'),
      commands: change,
      snapshot,
    },
    reach,
  )

const METHODS = ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const

void t.test(
  'is alive while the loop finished a cycle within 30 s, however ill the cluster',
  async t => {
    let snapshot = snapshotOf({ server: answered(blank(0)), loopAgeMs: 29_999 })
    const app = routesOf(() => snapshot)
    t.equal((await app.inject('/livez')).statusCode, 200)
    snapshot = snapshotOf({ loopAgeMs: 30_001 })
    const late = await app.inject('/livez')
    t.equal(late.statusCode, 503)
    t.equal(late.body, 'not alive: the last cycle finished 30 s ago\n')
    snapshot = snapshotOf({ loopAgeMs: null })
    t.equal((await app.inject('/livez')).statusCode, 503)
  },
)

void t.test('is ready when the snapshot says so, with its checks when asked', async t => {
  let snapshot = snapshotOf()
  const app = routesOf(() => snapshot)
  const good = await app.inject('/readyz')
  t.equal(good.statusCode, 200)
  t.equal(good.body, 'ready: the server answers and is a master\n')

  const server = answered(blank(0))
  const ready = readiness({ server, terminating: false, wasReady: false, paused: false })
  snapshot = snapshotOf({ server, ready })
  const verbose = await app.inject('/readyz?verbose')
  t.equal(verbose.statusCode, 503)
  const lines = verbose.body.trimEnd().split('\n')
  t.strictSame(lines.slice(0, 3), [
    '[+] stays: the pod does not end',
    '[+] server: answers',
    '[-] member: is no member of a cluster yet',
  ])
  t.match(lines.at(-1), /^not ready: the server is no member of a cluster yet; /)
})

void t.test('the status is JSON; other agents get only what they ask for', async t => {
  const app = routesOf(() => snapshotOf())
  const whole = await app.inject('/status')
  t.match(whole.headers['content-type'], 'application/json')
  const { agent, state, pods } = whole.json<Record<string, unknown>>()
  t.equal(state, 'ok')
  t.match(agent, { pod: 'redis-cluster-0', ordinal: 0 })
  t.ok(Array.isArray(pods) && pods.length === 6)
  t.strictSame((await app.inject('/status?agent')).json(), { agent })
})

void t.test('metrics come in the format that the scraper accepts', async t => {
  const app = routesOf(() => snapshotOf())
  const text = await app.inject('/metrics')
  t.equal(text.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const accept = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1'
  const open = await app.inject({ url: '/metrics', headers: { accept } })
  t.equal(
    open.headers['content-type'],
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  )
  t.match(open.body, /\n# EOF\n$/)
})

void t.test('over the network nothing but GET is allowed, on any path', async t => {
  const app = routesOf(() => snapshotOf())
  for (const url of ['/', '/status', '/pause', '/resume', '/fix?accept-data-loss', '/nothing'])
    for (const method of METHODS) {
      const { statusCode, headers } = await app.inject({ method, url })
      t.match({ statusCode, headers }, { statusCode: 405, headers: { allow: 'GET' } }, method + url)
    }
  const posted = await app.inject({ method: 'POST', url: '/pause', payload: { a: 1 } })
  t.equal(posted.statusCode, 405)
  for (const url of ['/pause', '/plan', '/nothing'])
    t.equal((await app.inject(url)).statusCode, 404)
})

void t.test('on the socket a person may pause, resume and fix', async t => {
  const app = routesOf(() => snapshotOf(), 'local')
  const post = async (url: string) => (await app.inject({ method: 'POST', url })).body
  t.equal(await post('/pause'), 'paused\n')
  t.equal(await post('/resume'), 'resumed\n')
  t.equal(await post('/fix'), 'fix false\n')
  t.equal(await post('/fix?accept-data-loss'), 'fix true\n')
  const got = await app.inject('/pause')
  t.equal(got.statusCode, 405)
  t.equal(got.headers['allow'], 'POST')
  t.equal((await app.inject({ method: 'POST', url: '/status' })).statusCode, 405)
})

void t.test('on the socket the plan can be read', async t => {
  const cluster = { phase: 'forming', because: 'six blank pods', phaseMs: 3, plan: ['a'] } as const
  const app = routesOf(() => snapshotOf({ cluster }), 'local')
  t.match((await app.inject('/plan')).json(), { agent: 'redis-cluster-0', cluster })
})

void t.test('a command that is refused says why', async t => {
  const refuse = async () => {
    throw new AgentError('API', 'the Kubernetes API does not answer')
  }
  const app = routesOf(() => snapshotOf(), 'local', { ...commands, pause: refuse })
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/pause' })
  t.equal(statusCode, 409)
  t.equal(body, 'the Kubernetes API does not answer\n')
})

void t.test('the page draws the cluster, runs nothing and believes no text', async t => {
  const because = 'a reason with <script>alert(1)</script> & "quotes"'
  const cluster = { phase: 'healing', because, phaseMs: 1, plan: ['pod 1: <b>'] } as const
  const app = routesOf(() => snapshotOf({ cluster, server: answered(factsOf(0)) }))
  const { headers, body } = await app.inject('/')
  t.match(headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-[^']+'/)
  t.match(headers['content-type'], 'text/html')
  t.notMatch(body, '<script')
  t.notMatch(body, '<b>')
  t.match(body, 'a reason with &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;')
  t.equal(body.match(/<rect /g)?.length, 3)
  t.match(body, '<td>redis-cluster-5</td>')
  t.notMatch(body, /(src|href)=/)
})
