import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentOfImage } from '../local/agent-command.ts'
import { LocalCluster } from '../local/cluster.ts'
import { findServer } from '../local/find-server.ts'
import { get } from '../local/http-get.ts'
import { HTTP_PORT, type Pod } from '../local/pod.ts'
import { median } from './statistics.ts'

/**
 * Memory and CPU of the agents of a cluster at rest, each scraped every 5 s: RSS, anonymous and
 * proportional memory in MB (median of the second half), CPU in per cent of a core over that half.
 */
const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    pods: { type: 'string', default: '6' },
    minutes: { type: 'string', default: '10' },
  },
})
const SCRAPE_MS = 5000
const TICKS_PER_SECOND = 100

type Sample = { readonly rss: number; readonly anonymous: number; readonly proportional: number }

/** Megabytes of smaps_rollup; the kernel counts in kibibytes. */
function memoryOf(pid: number): Sample {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024) / 1e6
  return {
    rss: megabytes('Rss'),
    anonymous: megabytes('Anonymous'),
    proportional: megabytes('Pss'),
  }
}

/** Seconds of CPU, user and system, that the process used so far. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

const pidOf = (pod: Pod, container: 'agent' | 'server'): number => {
  const pid = pod[container].process?.pid
  if (pid === undefined) throw new Error(`${pod.name}: its ${container} does not run`)
  return pid
}

const dir = mkdtempSync(join(tmpdir(), 'footprint-'))
const cluster = await LocalCluster.create({
  dir,
  server: findServer(values.server),
  pods: Number(values.pods),
  agent: await agentOfImage(),
})
try {
  cluster.start()
  while ((await cluster.status()).state !== 'ok') await sleep(500)
  const watched = cluster.pods.flatMap(pod => [
    { name: `${pod.name} agent`, pid: pidOf(pod, 'agent') },
    { name: `${pod.name} server`, pid: pidOf(pod, 'server') },
  ])
  const samples = new Map(watched.map(({ name }) => [name, [] as Sample[]]))
  const rounds = Math.ceil((Number(values.minutes) * 60_000) / SCRAPE_MS)
  let cpuAtHalf = new Map<string, number>()
  let halfMs = performance.now()
  for (let round = 0; round < rounds; round++) {
    await Promise.all(cluster.pods.map(pod => get(pod.address, HTTP_PORT, '/metrics', 2000)))
    for (const { name, pid } of watched) samples.get(name)?.push(memoryOf(pid))
    if (round === Math.floor(rounds / 2)) {
      cpuAtHalf = new Map(watched.map(({ name, pid }) => [name, cpuOf(pid)]))
      halfMs = performance.now()
    }
    await sleep(SCRAPE_MS)
  }
  const seconds = (performance.now() - halfMs) / 1000
  console.log('process                    RSS  anonymous  proportional   CPU %')
  for (const { name, pid } of watched) {
    const half = samples.get(name)?.slice(Math.floor(rounds / 2)) ?? []
    const of = (key: keyof Sample): string => median(half.map(sample => sample[key])).toFixed(1)
    const cpu = ((cpuOf(pid) - (cpuAtHalf.get(name) ?? 0)) / seconds) * 100
    console.log(
      `${name.padEnd(24)} ${of('rss').padStart(5)} ${of('anonymous').padStart(10)} ${of('proportional').padStart(13)} ${cpu.toFixed(2).padStart(7)}`,
    )
  }
} finally {
  await cluster.stop(0)
  rmSync(dir, { recursive: true, force: true })
}
