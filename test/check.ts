import { spawn } from 'node:child_process'
import { quickJobs } from './jobs.ts'
import { runJob } from './run-file.ts'

type Check = { readonly name: string; readonly ok: boolean; readonly output: string }

function tool(name: string, ...args: string[]): Promise<Check> {
  return new Promise(resolve => {
    const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    child.once('error', error => resolve({ name, ok: false, output: error.message }))
    child.once('close', status => resolve({ name, ok: status === 0, output }))
  })
}

async function tests(): Promise<Check> {
  const outcomes = await Promise.all((await quickJobs(2)).map(job => runJob(job)))
  const bad = outcomes.filter(({ failed }) => failed > 0)
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
  const output = bad.map(({ output, wrong }) => `${output}\n${wrong ?? ''}`).join('\n')
  return {
    name: `unit and scenarios (${passed} passed)`,
    ok: bad.length === 0 && passed > 0,
    output,
  }
}

const startedMs = performance.now()
const checks = await Promise.all([
  tool('prettier', '--check', '--cache', '--log-level', 'warn', '.'),
  tool('oxlint'),
  tool('tsc', '-p', '.'),
  tests(),
])
for (const { name, ok, output } of checks) {
  if (!ok) console.log(output.trimEnd())
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`)
}
console.log(`${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
process.exitCode = checks.every(({ ok }) => ok) ? 0 : 1
