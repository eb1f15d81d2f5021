import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Parser } from 'tap-parser'
import { killByEnvironment } from '../local/leftovers.ts'

/** What one test process is to run. */
export type Job = {
  readonly name: string
  readonly args: readonly string[]
  readonly timeoutMs: number
}

export type Outcome = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Why it counts as failed although no assertion did; null if nothing is wrong. */
  readonly wrong: string | null
  readonly seconds: number
  readonly output: string
}

function judge(
  counts: { passed: number; failed: number; skipped: number },
  end: { status: number | null; signal: string | null; timedOut: boolean; ok: boolean },
  timeoutMs: number,
): string | null {
  if (end.timedOut) return `not done after ${timeoutMs / 1000} s`
  if (counts.passed + counts.failed + counts.skipped === 0) return 'it ran no test'
  if (counts.failed > 0) return null
  if (end.status !== 0) return `it ended with ${end.signal ?? `status ${end.status}`}`
  return end.ok ? null : 'its TAP is not whole'
}

/**
 * Runs one test process and counts the assertions that its TAP has. What it leaves running is
 * killed by the mark in its environment, and its temporary folder is removed.
 */
export async function runJob(job: Job): Promise<Outcome> {
  const startedMs = performance.now()
  const folder = join(tmpdir(), `rct-${randomBytes(4).toString('hex')}`)
  mkdirSync(folder)
  const child = spawn(process.execPath, job.args, {
    env: { ...process.env, TEST_DIR: folder, TAP_TIMEOUT: String(job.timeoutMs / 1000) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, job.timeoutMs + 5000)
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const parser = new Parser()
  parser.on('pass', () => counts.passed++)
  parser.on('fail', () => counts.failed++)
  parser.on('skip', () => counts.skipped++)
  parser.on('todo', () => counts.skipped++)
  const complete = new Promise<boolean>(resolve => parser.on('complete', ({ ok }) => resolve(ok)))
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    parser.write(chunk)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  // Servers that it started may hold its output open, so they end before `close` can come.
  child.once('exit', () => {
    killByEnvironment(`TEST_DIR=${folder}`)
    killByEnvironment(`RUN_DIR=${folder}/`)
  })
  const [status, signal] = await new Promise<[number | null, string | null]>(resolve =>
    child.once('close', (...end) => resolve(end)),
  )
  clearTimeout(timer)
  parser.end()
  const ok = await complete
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const wrong = judge(counts, { status, signal, timedOut, ok }, job.timeoutMs)
  const seconds = (performance.now() - startedMs) / 1000
  return { ...counts, failed: counts.failed + (wrong ? 1 : 0), wrong, seconds, output }
}
