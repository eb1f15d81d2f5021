import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askAgent } from '../../../agent/server/ask-agent.ts'
import { createHttp, type Http } from '../../../agent/server/http.ts'
import { createMetrics } from '../../../agent/server/metrics.ts'
import { snapshotOf } from './snapshots.ts'

t.setTimeout(120_000)

// An address of this process's own: every pod listens on the same port of its own address.
const ADDRESS = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`

type Answer = { readonly status: number; readonly body: string }

const fetchFrom = (port: number, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ host: ADDRESS, port, path, agent: false }, response => {
      let body = ''
      response.on('data', chunk => (body += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'rc-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const listenOn = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(port, ADDRESS, () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : 0)
    })
  })

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOn(server, 0)
  await new Promise(resolve => server.close(resolve))
  return port
}

function httpOf(runDir: string, httpPort: number): Http {
  return createHttp({
    config: { podIp: ADDRESS, httpPort, redisPort: 6379, runDir },
    version: '1.2.3',
    metrics: createMetrics('1.2.3'),
    snapshot: () => snapshotOf(),
    commands: {
      pause: async () => 'plans are paused',
      resume: async () => 'plans go on',
      fix: async acceptDataLoss => `accepted: ${acceptDataLoss}`,
    },
  })
}

void t.test('answers probes on its address and people on its socket', async t => {
  const runDir = folder(t)
  const port = await freePort()
  const http = httpOf(runDir, port)
  t.teardown(() => http.close())
  await http.listen()
  t.strictSame(await fetchFrom(port, '/livez'), { status: 200, body: 'ok\n' })
  t.equal((await fetchFrom(port, '/pause')).status, 404)
  t.equal((await fetchFrom(port, '/plan')).status, 404)
  t.equal(await askAgent(runDir, 'POST', '/pause'), 'plans are paused\n')
  t.match(JSON.parse(await askAgent(runDir, 'GET', '/status')), { state: 'ok' })
})

void t.test('only the user of the agent may use the socket', async t => {
  const runDir = folder(t)
  const http = httpOf(runDir, await freePort())
  t.teardown(() => http.close())
  await http.listen()
  const { mode } = statSync(join(runDir, 'agent.sock'))
  t.equal((mode & 0o777).toString(8), '600')
})

void t.test('takes the place of a socket that an agent before it left', async t => {
  const runDir = folder(t)
  writeFileSync(join(runDir, 'agent.sock'), 'left behind')
  writeFileSync(join(runDir, '.sock'), 'left behind as well')
  const http = httpOf(runDir, await freePort())
  t.teardown(() => http.close())
  await http.listen()
  t.equal(await askAgent(runDir, 'POST', '/resume'), 'plans go on\n')
})

void t.test('leaves no socket and no open port when it ends', async t => {
  const runDir = folder(t)
  const port = await freePort()
  const http = httpOf(runDir, port)
  await http.listen()
  await fetchFrom(port, '/livez')
  await http.close()
  t.throws(() => statSync(join(runDir, 'agent.sock')), { code: 'ENOENT' })
  await t.rejects(fetchFrom(port, '/livez'), { code: 'ECONNREFUSED' })
})

void t.test('a port that is taken is told with address and reason', async t => {
  const other = createServer()
  const port = await listenOn(other, 0)
  t.teardown(() => new Promise(resolve => other.close(resolve)))
  const http = httpOf(folder(t), port)
  t.teardown(() => http.close())
  await t.rejects(http.listen(), {
    code: 'SOCKET',
    message: new RegExp(`^cannot listen on ${ADDRESS} port ${port}: .*EADDRINUSE`),
  })
})
