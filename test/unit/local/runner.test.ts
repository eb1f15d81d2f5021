import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { temporaryFolder } from '../../helper/folder.ts'
import { untilIs } from '../../helper/until.ts'
import { runJob } from '../../run-file.ts'

const tap = fileURLToPath(import.meta.resolve('tap'))

/** Runs a test file with this text. */
const outcomeOf = async (t: Parameters<typeof temporaryFolder>[0], text: string) => {
  const file = join(temporaryFolder(t), 'a.test.mjs')
  writeFileSync(file, `import t from ${JSON.stringify(tap)}\n${text}`)
  return runJob({ name: 'a', args: [file], timeoutMs: 20_000 })
}

void t.test('the runner counts assertions, failures and what is skipped', async t => {
  const outcome = await outcomeOf(
    t,
    `t.test('one', async t => { t.ok(true); t.ok(false) })
     t.test('two', { skip: 'no server' }, async t => t.ok(true))`,
  )
  t.match(outcome, { passed: 1, failed: 1, skipped: 1, wrong: null })
})

void t.test('a file that runs no test, or ends early, has failed', async t => {
  t.match(await outcomeOf(t, ''), { failed: 1, wrong: 'it ran no test' })
  const early = await outcomeOf(t, `t.pass('one'); process.exit(3)`)
  t.ok(early.failed > 0, 'one that ends in the middle')
})

void t.test('what a test file leaves running is ended', async t => {
  const outcome = await outcomeOf(
    t,
    `import { spawn } from 'node:child_process'
     const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
     child.unref()
     t.pass('left ' + child.pid)`,
  )
  t.match(outcome, { passed: 1, failed: 0 })
  const pid = /left (\d+)/.exec(outcome.output)?.[1]
  t.ok(pid)
  const commandLine = () => {
    try {
      // Empty for a process that has ended and that nobody waited for.
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return ''
    }
  }
  await untilIs(commandLine, line => line === '', { what: 'the process that was left is gone' })
})
