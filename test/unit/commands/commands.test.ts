import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import manifest from '../../../package.json' with { type: 'json' }
import { AgentError } from '../../../agent/errors.ts'
import { createMetrics } from '../../../agent/server/metrics.ts'
import { createRoutes } from '../../../agent/server/routes.ts'
import type { AgentSnapshot } from '../../../agent/server/snapshot.ts'
import { followerSnapshot, snapshotOf } from '../server/snapshots.ts'

t.setTimeout(120_000)

const main = fileURLToPath(new URL('../../../agent/main.ts', import.meta.url))

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** `agent` as a process with no environment but what the test gives. */
const agent = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', main, ...args], { env })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => (stdout += String(chunk)))
    child.stderr.on('data', chunk => (stderr += String(chunk)))
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
  })

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'rc-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A RUN_DIR in whose socket an agent that knows `snapshot` answers; `asked` are its commands. */
async function runningAgent(
  t: Test,
  snapshot: AgentSnapshot,
): Promise<{ env: { RUN_DIR: string }; asked: string[] }> {
  const runDir = folder(t)
  const asked: string[] = []
  const app: FastifyInstance = createRoutes(
    {
      ports: { port: 6379, httpPort: 9121 },
      version: '1.2.3',
      metrics: createMetrics('1.2.3'),
      snapshot: () => snapshot,
      commands: {
        pause: async () => (asked.push('pause'), 'plans are paused'),
        resume: async () => (asked.push('resume'), 'plans go on'),
        fix: async acceptDataLoss => {
          asked.push(`fix ${acceptDataLoss}`)
          if (!acceptDataLoss) throw new AgentError('USAGE', '5461 slots would lose their keys')
          return 'fixed'
        },
      },
    },
    'local',
  )
  t.teardown(() => app.close())
  await app.listen({ path: join(runDir, 'agent.sock') })
  return { env: { RUN_DIR: runDir }, asked }
}

void t.test('misuse ends with 64 and the names of the commands', async t => {
  for (const [args, message] of [
    [[], 'no command was given'],
    [['frobnicate'], 'there is no command "frobnicate"'],
    [['toString'], 'there is no command "toString"'],
    [['status', '--watcher'], "Unknown option '--watcher'"],
    [['status', '--accept-data-loss'], 'status does not take accept-data-loss'],
    [['plan', 'now'], 'plan does not take now'],
  ] as const) {
    const { code, stdout, stderr } = await agent(args)
    t.equal(code, 64, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, message)
    t.match(stderr, 'the commands are init, run, status, plan, pause, resume, fix')
  }
})

void t.test('--version and --help answer without any setting', async t => {
  t.strictSame(await agent(['--version']), {
    code: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  })
  const help = await agent(['--help'])
  t.equal(help.code, 0)
  t.match(help.stdout, /^usage: agent COMMAND/)
})

void t.test('bad settings end init and run with 2, a line for each', async t => {
  for (const command of ['init', 'run']) {
    const env = { POD_NAME: 'redis', POD_NAMESPACE: 'default', HTTP_PORT: 'x' }
    const { code, stderr } = await agent([command], env)
    t.equal(code, 2, command)
    t.match(stderr, /^POD_NAME is "redis"; allowed: /m)
    t.match(stderr, /^POD_IP is missing; /m)
    t.match(stderr, /^HTTP_PORT is "x"; allowed: /m)
    t.equal(stderr.trimEnd().split('\n').length, 4)
  }
})

void t.test('status shows the pods and what the cluster is busy with', async t => {
  const { env } = await runningAgent(t, snapshotOf({ lostSlots: 3 }))
  const { code, stdout } = await agent(['status'], env)
  t.equal(code, 0)
  t.strictSame(stdout.split('\n'), [
    'POD              ADDRESS   ROLE     SHARD  SLOTS        READY',
    'redis-cluster-0  10.0.0.1  master   0      0-5460       yes',
    'redis-cluster-1  10.0.0.2  master   1      5461-10922   yes',
    'redis-cluster-2  10.0.0.3  master   2      10923-16383  yes',
    'redis-cluster-3  10.0.0.4  replica  0      -            yes',
    'redis-cluster-4  10.0.0.5  replica  1      -            yes',
    'redis-cluster-5  10.0.0.6  replica  2      -            yes',
    '',
    'ok for 12 s: 3 shards are whole',
    '3 slots are lost: every copy is gone',
    '',
  ])
})

void t.test('status elsewhere says who knows more', async t => {
  const { env } = await runningAgent(t, followerSnapshot(4))
  const { stdout } = await agent(['status'], env)
  t.match(stdout, /^redis-cluster-3 .* \?$/m)
  t.match(stdout, /^redis-cluster-4 .* yes$/m)
  t.match(stdout, /^as redis-cluster-4 sees it; redis-cluster-0 coordinates/m)
})

void t.test('status --json is for programs', async t => {
  const { env } = await runningAgent(t, snapshotOf())
  const { code, stdout } = await agent(['status', '--json'], env)
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    state: 'ok',
    coordinator: 'redis-cluster-0',
    pods: [{ name: 'redis-cluster-0', ready: true, slots: [[0, 5460]] }],
  })
})

void t.test('plan shows what would be done, and says where to ask', async t => {
  const plan = ['pod 1: CLUSTER MEET 10.0.0.1 6379 (redis-cluster-0)']
  const cluster = { phase: 'forming', because: 'six blank pods', phaseMs: 1, plan } as const
  const coordinating = await runningAgent(t, snapshotOf({ cluster }))
  t.equal(
    (await agent(['plan'], coordinating.env)).stdout,
    `cluster: forming: six blank pods\n  ${plan[0]}\nredis-cluster-0: ok: nothing to heal\n`,
  )
  const other = await runningAgent(t, followerSnapshot(2))
  t.match((await agent(['plan'], other.env)).stdout, 'redis-cluster-0 plans for all pods')
})

void t.test('pause, resume and fix are asked of the agent, and its answer is printed', async t => {
  const { env, asked } = await runningAgent(t, snapshotOf())
  t.match(await agent(['pause'], env), { code: 0, stdout: 'plans are paused\n' })
  t.match(await agent(['resume'], env), { code: 0, stdout: 'plans go on\n' })
  t.match(await agent(['fix'], env), {
    code: 1,
    stdout: '',
    stderr: 'agent: the agent refuses: 5461 slots would lose their keys\n',
  })
  t.match(await agent(['fix', '--accept-data-loss'], env), { code: 0, stdout: 'fixed\n' })
  t.strictSame(asked, ['pause', 'resume', 'fix false', 'fix true'])
})

void t.test('where no agent runs, the message names the socket', async t => {
  const runDir = folder(t)
  const socket = join(runDir, 'agent.sock')
  for (const args of [['status'], ['status', '--json'], ['plan'], ['pause'], ['fix']]) {
    const { code, stdout, stderr } = await agent(args, { RUN_DIR: runDir })
    t.strictSame(
      { code, stdout, stderr },
      {
        code: 1,
        stdout: '',
        stderr: `agent: no agent runs here: ${socket}: there is no such socket\n`,
      },
    )
  }
  writeFileSync(socket, '')
  t.match(await agent(['status'], { RUN_DIR: runDir }), { code: 1, stderr: /nobody listens there/ })
})
