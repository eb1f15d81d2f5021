import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = (name: string): string =>
  fileURLToPath(new URL(`../../image/${name}`, import.meta.url))

/** The shells of the images in question, as far as this machine has them. */
const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']].filter(
  ([program = '', ...rest]) => spawnSync(program, [...rest, '-c', 'exit 0']).status === 0,
)

type Running = {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exit: Promise<number | null>
}

/** Runs a script of image/ with no environment but PATH and what is given. */
function run(
  shell: readonly string[],
  name: string,
  env: Readonly<Record<string, string>>,
): Running {
  const [program = 'sh', ...rest] = shell
  const child = spawn(program, [...rest, script(name)], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const keep = (chunk: Buffer): void => void (text += chunk.toString())
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const exit = once(child, 'close').then(([code]) => code as number | null)
  return { child, output: () => text, exit }
}

/** Polls until the probe gives something; the deadline is the test's own. */
async function until<T>(probe: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await probe()
    if (found !== null) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The request that the script has written, other than the one before. */
const request = (runDir: string, before = ''): Promise<string> =>
  until(async () => {
    const text = await readFile(join(runDir, 'gate', 'request'), 'utf8').catch(() => '')
    return text === '' || text === before ? null : text
  })

const answer = (runDir: string, text: string): Promise<void> =>
  writeFile(join(runDir, 'gate', 'answer'), text)

/** A program that says a version and, started as a server, says with what. */
async function fakeServer(path: string, version: string): Promise<string> {
  const says = `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}'; exit 0; }\necho "run: $*"\n`
  await writeFile(path, says)
  await chmod(path, 0o755)
  return path
}

const redis72 = 'Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1'
const pod = { POD_NAME: 'redis-cluster-3', POD_NAMESPACE: 'shop' }
const limit = { timeout: 60_000 }

void t.test('opens for the token of this start only, and counts the starts', limit, async t => {
  t.not(shells.length, 0)
  for (const [index, shell] of shells.entries()) {
    const dir = t.testdir({ [String(index)]: { gate: {} } })
    const runDir = join(dir, String(index))
    const env = { ...pod, RUN_DIR: runDir, SERVER: await fakeServer(join(dir, 's'), redis72) }
    const started = `run: ${runDir}/redis.conf --cluster-announce-human-nodename shop/redis-cluster-3`

    const first = run(shell, 'server.sh', env)
    const asked = await request(runDir)
    t.match(asked, /^[0-9a-f-]{36} - 0\n$/, shell.join(' '))
    const token = asked.slice(0, 36)
    await answer(runDir, 'another-token open\n')
    await answer(runDir, `${token} wait\n`)
    t.equal(first.child.exitCode, null)
    await answer(runDir, `${token} open\n`)
    t.equal(await first.exit, 0)
    t.match(first.output(), /waiting for the agent[^]*gate is open; starting Redis 7\.2\.4\n/)
    t.ok(first.output().includes(started), first.output())

    const second = run(shell, 'server.sh', env)
    const askedAgain = await request(runDir, asked)
    t.match(askedAgain, / - 1\n$/)
    t.not(askedAgain.slice(0, 36), token, 'the answer of the last start does not open')
    t.notMatch(second.output(), /run:/)
    await answer(runDir, `${askedAgain.slice(0, 36)} open\n`)
    t.equal(await second.exit, 0)
    t.equal(await readFile(join(runDir, 'gate', 'starts'), 'utf8'), '2\n')
  }
})

void t.test('ends at SIGTERM while it waits', limit, async t => {
  for (const [index, shell] of shells.entries()) {
    const dir = t.testdir({ [String(index)]: { gate: {} } })
    const runDir = join(dir, String(index))
    const server = await fakeServer(join(dir, 's'), redis72)
    const waiting = run(shell, 'server.sh', { RUN_DIR: runDir, SERVER: server })
    await request(runDir)
    waiting.child.kill('SIGTERM')
    t.equal(await waiting.exit, 143, shell.join(' '))
    t.notMatch(waiting.output(), /run:/)
  }
})

void t.test('adds the human nodename only for servers that know it', limit, async t => {
  const versions: [string, boolean][] = [
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=1', false],
    [redis72, true],
    ['Redis server v=8.0.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1', true],
    ['Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1', true],
    ['Redis server v=10.0.0 sha=00000000:0', true],
  ]
  const dir = t.testdir({ gate: {} })
  let before = ''
  for (const [version, knows] of versions) {
    const server = await fakeServer(join(dir, 's'), version)
    const starting = run(['sh'], 'server.sh', { ...pod, RUN_DIR: dir, SERVER: server })
    before = await request(dir, before)
    await answer(dir, before.replace(/ .*/, ' open'))
    t.equal(await starting.exit, 0)
    t.equal(/--cluster-announce-human-nodename/.test(starting.output()), knows, version)
  }
})

void t.test('refuses what cannot work, and names it', limit, async t => {
  const dir = t.testdir({ gate: {}, empty: {} })
  const refuse = async (env: Record<string, string>, message: RegExp): Promise<void> => {
    const refused = run(['sh'], 'server.sh', { RUN_DIR: dir, ...env })
    t.equal(await refused.exit, 1)
    t.match(refused.output(), message)
  }
  const old = await fakeServer(join(dir, 'old'), 'Redis server v=6.2.14 sha=00000000:0')
  await refuse({ SERVER: old }, /old is Redis 6\.2\.14; allowed: Redis 7\.0 or newer/)
  const odd = await fakeServer(join(dir, 'odd'), 'no version here')
  await refuse({ SERVER: odd }, /odd --version says "no version here"; allowed/)
  await refuse({ SERVER: '/nowhere/server' }, /SERVER is \/nowhere\/server, which is not a program/)
  await refuse({ RUN_DIR: join(dir, 'empty'), SERVER: old }, /empty\/gate is missing; `agent init`/)
})

void t.test('finds the server that is there', limit, async t => {
  const dir = t.testdir({ gate: {}, bin: {} })
  const bin = join(dir, 'bin')
  for (const tool of ['sh', 'cat', 'mv', 'sleep']) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim()
    await symlink(found, join(bin, tool))
  }
  const none = run(['/bin/sh'], 'server.sh', { RUN_DIR: dir, PATH: bin })
  t.equal(await none.exit, 1)
  t.match(none.output(), /no redis-server or valkey-server on PATH/)

  await fakeServer(join(bin, 'valkey-server'), 'Valkey server v=8.1.1 sha=00000000:0')
  const valkey = run(['/bin/sh'], 'server.sh', { RUN_DIR: dir, PATH: bin })
  await answer(dir, (await request(dir)).replace(/ .*/, ' open'))
  t.equal(await valkey.exit, 0)
  t.match(valkey.output(), /starting Valkey 8\.1\.1/)
})

void t.test('the preStop hook returns when the agent is done', limit, async t => {
  for (const [index, shell] of shells.entries()) {
    const name = String(index)
    const dir = join(t.testdir({ [name]: { stop: {}, heartbeat: '' } }), name)
    const hook = run(shell, 'pre-stop.sh', { RUN_DIR: dir, PRE_STOP_SECONDS: '3600' })
    const token = await until(() =>
      readFile(join(dir, 'stop', 'request'), 'utf8').catch(() => null),
    )
    await writeFile(join(dir, 'stop', 'answer'), 'another-token done\n')
    t.equal(hook.child.exitCode, null)
    await writeFile(join(dir, 'stop', 'answer'), `${token.trim()} done\n`)
    t.equal(await hook.exit, 0, shell.join(' '))
    t.match(hook.output(), /the agent is done/)
  }
})

void t.test('the preStop hook never waits for an agent that is gone', limit, async t => {
  const dir = t.testdir({ stop: {} })
  const env = { RUN_DIR: dir, PRE_STOP_SECONDS: '3600' }
  const never = run(['sh'], 'pre-stop.sh', env)
  t.equal(await never.exit, 0)
  t.match(never.output(), /the agent is gone; nothing to wait for/)

  const heartbeat = join(dir, 'heartbeat')
  const ahead = new Date(Date.now() + 3_600_000)
  await writeFile(heartbeat, '')
  await utimes(heartbeat, ahead, ahead)
  const waiting = run(['sh'], 'pre-stop.sh', env)
  await until(() => readFile(join(dir, 'stop', 'request'), 'utf8').catch(() => null))
  t.equal(waiting.child.exitCode, null)
  const old = new Date(Date.now() - 11_000)
  await utimes(heartbeat, old, old)
  t.equal(await waiting.exit, 0)
  t.match(waiting.output(), /the agent is gone while handing over/)
})

void t.test('the preStop hook waits no longer than it is allowed to', limit, async t => {
  const dir = t.testdir({ stop: {}, heartbeat: '' })
  const hook = run(['sh'], 'pre-stop.sh', { RUN_DIR: dir, PRE_STOP_SECONDS: '1' })
  t.equal(await hook.exit, 0)
  t.match(hook.output(), /the agent is (not done after 1 s|gone while)/)
})
