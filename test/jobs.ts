import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { Job } from './run-file.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const many = fileURLToPath(new URL('run-many.ts', import.meta.url))
/** What tap names after the process's main file, or what ends the process: such a file runs alone. */
const wantsOwnProcess =
  /matchSnapshot|testdir|process\.exit|^t\.(end|plan|teardown|before|after)\(/m
/** Whole clusters are measured against deadlines: one at a time on a small machine. */
const wantsMachine = /helper\/cluster\.ts|local\/main\.ts|image-pods/

const QUICK_MS = 120_000
const INTEGRATION_MS = 300_000
const IMAGE_MS = 900_000

export type Jobs = {
  /** Without processes of their own, some files a job. */
  readonly quick: readonly Job[]
  /** Real servers: two side by side. */
  readonly light: readonly Job[]
  /** Whole clusters: one after the other. */
  readonly heavy: readonly Job[]
}

async function testFiles(under: string): Promise<{ name: string; text: string }[]> {
  const files: { name: string; text: string }[] = []
  for await (const name of glob(`test/${under}/**/*.test.ts`, { cwd: root }))
    files.push({ name, text: await readFile(join(root, name), 'utf8') })
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const alone = (name: string, timeoutMs: number): Job => ({
  name,
  args: [join(root, name)],
  timeoutMs,
})

/** The unit and scenario tests: what runs alone, and the rest in as many jobs as there are slots. */
export async function quickJobs(slots: number): Promise<Job[]> {
  const files = [...(await testFiles('unit')), ...(await testFiles('scenarios'))]
  const single = files.filter(({ text }) => wantsOwnProcess.test(text)).map(({ name }) => name)
  const shared = files.map(({ name }) => name).filter(name => !single.includes(name))
  const batches = Array.from({ length: slots }, (_, slot) =>
    shared.filter((_name, i) => i % slots === slot),
  ).filter(batch => batch.length > 0)
  return [
    ...batches.map((batch, i) => ({
      name: `${batch.length} unit and scenario files, part ${i + 1} of ${batches.length}`,
      args: [many, ...batch.map(name => join(root, name))],
      timeoutMs: QUICK_MS,
    })),
    ...single.map(name => alone(name, QUICK_MS)),
  ]
}

/** Every test there is; `factor` stretches the time-outs, `only` picks files by a part of the name. */
export async function allJobs(slots: number, factor: number, only: string[]): Promise<Jobs> {
  const picked = (name: string) => only.length === 0 || only.some(part => name.includes(part))
  const files = [...(await testFiles('integration')), ...(await testFiles('image'))].filter(
    ({ name }) => picked(name),
  )
  const job = ({ name }: { name: string }) =>
    alone(name, factor * (name.startsWith('test/image/') ? IMAGE_MS : INTEGRATION_MS))
  const isHeavy = ({ name, text }: { name: string; text: string }) =>
    name.startsWith('test/image/') || wantsMachine.test(text)
  return {
    quick:
      only.length === 0
        ? await quickJobs(slots)
        : [...(await testFiles('unit')), ...(await testFiles('scenarios'))]
            .filter(({ name }) => picked(name))
            .map(({ name }) => alone(name, QUICK_MS)),
    light: files.filter(file => !isHeavy(file)).map(job),
    heavy: files.filter(isHeavy).map(job),
  }
}
