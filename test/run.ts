import { parseArgs } from 'node:util'
import { bundledAgent } from '../local/agent-command.ts'
import { hasServer, serverNames } from './helper/servers.ts'
import { allJobs } from './jobs.ts'
import { runJob, type Job, type Outcome } from './run-file.ts'

const SLOTS = 2

const { values, positionals } = parseArgs({
  options: { all: { type: 'boolean', default: false } },
  allowPositionals: true,
})
if (values.all) process.env['TEST_ALL'] = '1'

const total = { passed: 0, failed: 0, skipped: 0 }

/** Jobs on whole clusters that failed once; CI gives them a second run on a machine that is calmer. */
const second: Job[] = []
const mayRunAgain = process.env['TEST_AGAIN'] === '1'

function report(job: Job, outcome: Outcome, again: boolean): void {
  const { name } = job
  const { passed, failed, skipped, wrong, seconds, output } = outcome
  if (failed > 0 && again) {
    second.push(job)
    console.log(`--- output of ${name}, which is run again at the end\n${output.trimEnd()}\n---`)
    return
  }
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
  if (failed > 0) console.log(`--- output of ${name}\n${output.trimEnd()}\n--- end of ${name}`)
  const counts = [`${passed} passed`]
  if (failed > 0) counts.push(`${failed} failed`)
  if (skipped > 0) counts.push(`${skipped} skipped`)
  const mark = failed > 0 ? 'FAIL' : 'ok  '
  console.log(
    `${mark} ${seconds.toFixed(1).padStart(6)} s  ${name}: ${counts.join(', ')}${wrong ? ` (${wrong})` : ''}`,
  )
}

/** Runs the jobs, at most `slots` at a time. */
async function runAll(jobs: readonly Job[], slots: number, again = false): Promise<void> {
  const left = [...jobs]
  const work = async () => {
    for (let job = left.shift(); job; job = left.shift()) report(job, await runJob(job), again)
  }
  await Promise.all(Array.from({ length: slots }, work))
}

for (const name of serverNames)
  if (!hasServer(name)) console.log(`${name} is not there: its tests are skipped`)
const jobs = await allJobs(SLOTS, values.all ? 3 : 1, positionals)
await runAll(jobs.quick, SLOTS)
await bundledAgent()
await runAll(jobs.light, SLOTS, mayRunAgain)
await runAll(jobs.heavy, 1, mayRunAgain)
await runAll(second, 1)
for (const { name } of second) console.log(`unsteady: ${name} failed at first`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
