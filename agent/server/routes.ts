import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import { AgentError, messageOf } from '../errors.ts'
import type { Metrics } from './metrics.ts'
import { contentSecurityPolicy, page } from './page.ts'
import type { Ports } from './pods.ts'
import type { AgentSnapshot } from './snapshot.ts'
import { statusOf, type Status } from './status.ts'

/** What people may ask for on the Unix socket; each answers with a sentence. */
export type Commands = {
  pause(): Promise<string>
  resume(): Promise<string>
  fix(acceptDataLoss: boolean): Promise<string>
}

/** What the routes are made of. `snapshot` is asked once a request and must be cheap. */
export type RouteDeps = {
  readonly ports: Ports
  readonly version: string
  readonly metrics: Metrics
  readonly commands: Commands
  readonly snapshot: () => AgentSnapshot
}

/** The network may only look; who reaches the Unix socket may also ask for something. */
export type Reach = 'network' | 'local'

/** What `GET /plan` on the Unix socket answers. */
export type LocalPlan = Pick<AgentSnapshot, 'coordinator' | 'cluster' | 'pod'> & {
  readonly agent: string
}

type Query = Readonly<Record<string, string>>

const LIVE_WITHIN_MS = 30_000
const COMMAND_PATHS: ReadonlySet<string> = new Set(['/pause', '/resume', '/fix'])

const say = (reply: FastifyReply, code: number, text: string): FastifyReply =>
  reply.code(code).type('text/plain; charset=utf-8').send(`${text}\n`)

const json = (reply: FastifyReply, value: unknown): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(JSON.stringify(value))

/** Of the agent's own loop alone: an ill cluster is no reason to restart its agents. */
function addLiveness(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/livez', (_request, reply) => {
    const age = deps.snapshot().loopAgeMs
    if (age === null) return say(reply, 503, 'not alive: no cycle has finished yet')
    return age <= LIVE_WITHIN_MS
      ? say(reply, 200, 'ok')
      : say(reply, 503, `not alive: the last cycle finished ${Math.round(age / 1000)} s ago`)
  })
}

function addReadiness(app: FastifyInstance, deps: RouteDeps): void {
  app.get<{ Querystring: Query }>('/readyz', (request, reply) => {
    const { ready, because, checks } = deps.snapshot().ready
    const sentence = `${ready ? 'ready' : 'not ready'}: ${because}`
    const lines = 'verbose' in request.query ? checks : []
    const text = lines.map(check => `[${check.ok ? '+' : '-'}] ${check.name}: ${check.detail}\n`)
    return say(reply, ready ? 200 : 503, text.join('') + sentence)
  })
}

function addViews(app: FastifyInstance, deps: RouteDeps): void {
  const status = (): Status => statusOf(deps.snapshot(), deps.ports, deps.version)
  // `?agent` is what the other agents ask for: every one asks the coordinator, every cycle, and its
  // answer must not grow with the cluster.
  app.get<{ Querystring: Query }>('/status', (request, reply) =>
    json(reply, 'agent' in request.query ? { agent: deps.snapshot().agent } : status()),
  )
  app.get('/metrics', async (request, reply) => {
    const { contentType, body } = await deps.metrics.scrape(
      deps.snapshot(),
      request.headers.accept ?? '',
    )
    return reply.type(contentType).send(body)
  })
  app.get('/', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .send(page(status())),
  )
}

function addCommands(app: FastifyInstance, { commands, snapshot }: RouteDeps): void {
  app.get('/plan', (_request, reply) => {
    const { agent, cluster, pod, coordinator } = snapshot()
    const plan: LocalPlan = { agent: agent.pod, coordinator, cluster, pod }
    return json(reply, plan)
  })
  app.post('/pause', async (_request, reply) => say(reply, 200, await commands.pause()))
  app.post('/resume', async (_request, reply) => say(reply, 200, await commands.resume()))
  app.post<{ Querystring: Query }>('/fix', async (request, reply) =>
    say(reply, 200, await commands.fix('accept-data-loss' in request.query)),
  )
}

// Fastify loads its schema compilers unless it is given others: some megabytes in every agent.
const noCompiler = (): never => {
  throw new AgentError('INVARIANT', 'no route has a schema')
}

const bare = (): FastifyInstance =>
  fastify({
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    bodyLimit: 1024,
    schemaController: {
      compilersFactory: { buildValidator: () => noCompiler, buildSerializer: () => noCompiler },
    },
  })

/** The routes for one of the two listeners, which share nothing but what they show. */
export function createRoutes(deps: RouteDeps, reach: Reach): FastifyInstance {
  const app = bare()
  app.removeAllContentTypeParsers()
  app.addHook('onRequest', async (request, reply) => {
    const [path = ''] = request.url.split('?')
    const allowed = reach === 'local' && COMMAND_PATHS.has(path) ? 'POST' : 'GET'
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    if (request.method !== allowed)
      return say(reply.header('allow', allowed), 405, `only ${allowed} is allowed here`)
  })
  app.setNotFoundHandler((_request, reply) =>
    say(reply, 404, 'not here; try /status, /readyz?verbose, /livez, /metrics or /'),
  )
  app.setErrorHandler((error, _request, reply) =>
    error instanceof AgentError
      ? say(reply, 409, error.message)
      : say(reply, 500, messageOf(error)),
  )
  addLiveness(app, deps)
  addReadiness(app, deps)
  addViews(app, deps)
  if (reach === 'local') addCommands(app, deps)
  return app
}
