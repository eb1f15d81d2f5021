import { spawn, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { foldersOf } from '../../local/folders.ts'
import type { ClusterStatus } from '../../local/status.ts'
import { temporaryFolder } from '../helper/folder.ts'
import { serverPath, serversFor, skipWithout, type ServerName } from '../helper/servers.ts'
import { until, untilIs } from '../helper/until.ts'

const main = fileURLToPath(new URL('../../local/main.ts', import.meta.url))

type Ran = { readonly status: number; readonly out: string; readonly err: string }

/** A verb as a second terminal sends it. */
const verb = (dir: string, ...args: string[]): Promise<Ran> =>
  new Promise(resolve => {
    const [before, after] = args.includes('--')
      ? [args.slice(0, args.indexOf('--')), args.slice(args.indexOf('--'))]
      : [args, []]
    execFile(process.execPath, [main, ...before, '--dir', dir, ...after], (error, out, err) =>
      resolve({ status: Number(error?.code ?? 0), out, err }),
    )
  })

/** `npm start` without npm: its output so far, and its exit status once it ended. */
function startUp(t: Test, dir: string, server: ServerName) {
  const child = spawn(process.execPath, [main, '--dir', dir, '--server', serverPath(server)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
    if (!t.passing()) console.error(out)
  })
  return { output: () => out, exited }
}

const statusOf = async (dir: string): Promise<ClusterStatus> =>
  JSON.parse((await verb(dir, 'status', '--json')).out) as ClusterStatus

const untilOk = (dir: string, isGood: (status: ClusterStatus) => boolean, what: string) =>
  untilIs(
    () => statusOf(dir),
    status => status.state === 'ok' && isGood(status),
    { what, deadlineMs: 120_000, everyMs: 500 },
  )

for (const server of serversFor(import.meta.url))
  void t.test(
    `npm start forms a cluster on ${server}, and a second terminal steers it`,
    { skip: skipWithout(server), timeout: 290_000 },
    async t => {
      const dir = join(temporaryFolder(t), 'c')
      t.match(await verb(dir, 'status'), { status: 1, err: /no cluster runs here/ })
      const up = startUp(t, dir, server)
      await until(() => up.output().includes('Ctrl-C ends all of it.'), {
        what: 'the table and the line to try are printed',
        deadlineMs: 120_000,
      })
      t.match(up.output(), /\nTry: \S+ -c -h 127\.\d+\.\d+\.\d+\n/)
      const formed = await untilOk(dir, () => true, 'the cluster is ok')
      t.strictSame(Object.keys(formed).sort(), ['coordinator', 'pods', 'state'])
      t.match(formed, { state: 'ok', coordinator: 'redis-cluster-0' })
      const note = await verb(dir, 'annotate', 'a/b=c')
      t.match(note, { status: 0, out: /^a\/b=c\n$/ })
      t.match(await verb(dir, 'annotate', 'a/b-'), { status: 0, out: /no annotation is left/ })
      t.match(await verb(dir, 'annotate', 'ab'), { status: 1, err: /KEY=VALUE/ })
      await until(async () => (await verb(dir, 'events')).out.includes('Normal  Formed  1  '), {
        what: 'an event tells of the formation',
      })
      const masters = formed.pods.filter(({ role }) => role === 'master')
      t.equal(masters.length, 3)
      t.equal(formed.pods.filter(({ role }) => role === 'replica').length, 3)
      const sizes = formed.pods.flatMap(({ slots }) =>
        slots.map(([first, last]) => last - first + 1),
      )
      t.strictSame(
        sizes.sort((a, b) => a - b),
        [5461, 5461, 5462],
      )
      t.match((await verb(dir, 'status')).out, /state ok, coordinator redis-cluster-0/)
      t.match((await verb(dir, 'exec', 'redis-cluster-1', '--', 'agent', 'status')).out, 'master')
      t.match((await verb(dir, 'logs', 'redis-cluster-0')).out, 'plan.changed')
      t.match(await verb(dir, 'kill', 'redis-cluster-9', 'server'), {
        status: 1,
        err: 'there is no pod',
      })
      t.match(await verb(dir, 'frobnicate'), { status: 1, err: 'there is no verb' })

      t.equal((await verb(dir, 'kill', 'redis-cluster-5', 'server')).status, 0)
      t.equal((await verb(dir, 'delete', 'redis-cluster-4')).status, 0)
      const before = formed.pods[4]
      await untilOk(
        dir,
        ({ pods }) => pods[4]?.ip !== before?.ip && pods[4]?.nodeId === before?.nodeId,
        'pod 4 is back with its id and another address',
      )
      t.match(await verb(dir, 'down'), { status: 0, out: 'the cluster ends' })
      t.equal(await up.exited, 0)
      t.notOk(existsSync(foldersOf(dir).run), 'nothing of the pods is left')
    },
  )
