import { spawnSync } from 'node:child_process'
import t from 'tap'
import { events } from '../../agent/log.ts'

t.setTimeout(120_000)

const log = new URL('../../agent/log.ts', import.meta.url).href

/** The lines that a process of its own writes: pino writes to the real standard output. */
function linesOf(level: string, code: string): Record<string, unknown>[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { createLog } = await import(${JSON.stringify(log)})
       const log = createLog(${JSON.stringify(level)}, 'redis-cluster-0')
       ${code}`,
    ],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

void t.test(
  'a line is JSON with the event, its constant message, the pod and the fields',
  async t => {
    const [line, ...more] = linesOf('info', "log.warn('api.away', { because: 'SERVFAIL' })")
    t.same(more, [])
    t.match(line, {
      level: 'warn',
      event: 'api.away',
      msg: events['api.away'],
      pod: 'redis-cluster-0',
      because: 'SERVFAIL',
    })
    t.match(line?.['time'], /^\d{4}-\d\d-\d\dT.*Z$/)
  },
)

void t.test('what is below the level is not written', async t => {
  const code = "log.debug('init.done'); log.info('init.done'); log.error('cycle.failed')"
  t.same(
    linesOf('error', code).map(line => line['event']),
    ['cycle.failed'],
  )
})

void t.test('event names are domain.what, as people search for them', async t => {
  for (const name of Object.keys(events)) t.match(name, /^[a-z]+\.[a-z][a-zA-Z]+$/)
})
