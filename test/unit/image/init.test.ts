import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { init } from '../../../agent/commands/init.ts'
import { readConfig } from '../../../agent/config.ts'
import { answerStops } from '../../../agent/init/stop.ts'
import type { Log } from '../../../agent/log.ts'

type Line = { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }

/** A log that keeps its lines. */
function recorder(): Log & { readonly lines: Line[] } {
  const lines: Line[] = []
  const keep = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    lines.push({ event, fields })
  }
  return { lines, debug: keep, info: keep, warn: keep, error: keep }
}

function environment(root: string): Record<string, string> {
  return {
    POD_NAME: 'redis-cluster-0',
    POD_NAMESPACE: 'default',
    POD_IP: '10.0.0.1',
    DATA_DIR: join(root, 'data'),
    RUN_DIR: join(root, 'run'),
    CONFIG_FILE: join(root, 'redis.conf'),
  }
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

void t.test('makes what the containers of the pod share, and says what it found', async t => {
  const root = t.testdir({ 'redis.conf': 'port 1\nmaxmemory 5mb\n', data: { 'dump.rdb': 'x' } })
  const log = recorder()
  await init(readConfig(environment(root)), log)
  const run = join(root, 'run')
  t.ok((await stat(join(run, 'gate'))).isDirectory())
  t.ok((await stat(join(run, 'stop'))).isDirectory())
  for (const name of ['server.sh', 'pre-stop.sh'])
    t.equal(
      await readFile(join(run, name), 'utf8'),
      await readFile(new URL(`../../../image/${name}`, import.meta.url), 'utf8'),
    )
  t.match(await readFile(join(run, 'redis.conf'), 'utf8'), /^maxmemory 5mb$/m)
  t.match(log.lines, [
    { event: 'init.ignored', fields: { line: 1, text: 'port 1', because: /REDIS_PORT/ } },
    { event: 'init.done', fields: { nodesConf: 'none', dataset: ['dump.rdb'] } },
  ])
  t.equal(log.lines.length, 2)
})

void t.test('says whether nodes.conf is blank, of a member, or damaged', async t => {
  const id = 'a'.repeat(40)
  const own = `${id} :0@0,,tls-port=0,shard-id=${'b'.repeat(40)} myself,master - 0 0 0 connected`
  const cases: [string, string][] = [
    [`${own}\nvars currentEpoch 0 lastVoteEpoch 0\n`, 'blank'],
    [`${own} 0-5460\nvars currentEpoch 1 lastVoteEpoch 0\n`, 'member'],
    ['no such line\n', 'damaged'],
  ]
  for (const [text, state] of cases) {
    const root = t.testdir({ data: { 'nodes.conf': text } })
    const log = recorder()
    await init(readConfig(environment(root)), log)
    t.match(log.lines, [{ event: 'init.done', fields: { nodesConf: state } }])
    t.equal(await readFile(join(root, 'data', 'nodes.conf'), 'utf8'), text, 'repairs nothing')
  }
})

void t.test('keeps a password from other users, also in a file that was open before', async t => {
  const root = t.testdir({ password: 'hunter2\n' })
  await init(readConfig(environment(root)), recorder())
  const file = join(root, 'run', 'redis.conf')
  t.equal(await modeOf(file), 0o644)
  await chmod(file, 0o666)
  const env = { ...environment(root), REDIS_PASSWORD_FILE: join(root, 'password') }
  const log = recorder()
  await init(readConfig(env), log)
  t.equal(await modeOf(file), 0o600)
  t.match(await readFile(file, 'utf8'), /^requirepass "hunter2"$/m)
  t.notMatch(JSON.stringify(log.lines), /hunter2/)
})

void t.test('names the setting, the path and what is allowed', async t => {
  const root = t.testdir({ file: '', empty: '\n', 'redis.conf': '' })
  const refuse = (env: Record<string, string>, message: RegExp): Promise<unknown> =>
    t.rejects(init(readConfig({ ...environment(root), ...env }), recorder()), {
      code: 'CONFIG',
      message,
    })
  await refuse({ DATA_DIR: join(root, 'file') }, /^DATA_DIR is .*file, which .*; allowed: /)
  await refuse({ RUN_DIR: join(root, 'file', 'x') }, /^RUN_DIR is .*x, which .*; allowed: /)
  await refuse({ CONFIG_FILE: root }, /^CONFIG_FILE is .*cannot be read \(EISDIR\)/)
  await refuse(
    { REDIS_PASSWORD_FILE: join(root, 'empty') },
    /^REDIS_PASSWORD_FILE is .*empty, which is empty/,
  )
  await refuse(
    { REDIS_PASSWORD_FILE: join(root, 'none') },
    /^REDIS_PASSWORD_FILE is .*none, which is missing/,
  )
})

void t.test('answers each request of the preStop hook once, after the handover', async t => {
  const root = t.testdir({ stop: {} })
  const stop = (name: string): string => join(root, 'stop', name)
  const end = new AbortController()
  const handed: string[] = []
  const done = answerStops(
    root,
    async () => void handed.push(await readFile(stop('request'), 'utf8')),
    end.signal,
  )
  const answered = async (token: string): Promise<void> => {
    await writeFile(stop('request'), `${token}\n`)
    while ((await readFile(stop('answer'), 'utf8').catch(() => '')) !== `${token} done\n`)
      await new Promise(resolve => setTimeout(resolve, 10))
  }
  await answered('one')
  await answered('two')
  end.abort()
  await done
  t.strictSame(handed, ['one\n', 'two\n'])
})
