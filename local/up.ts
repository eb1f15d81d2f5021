import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentAtHand } from './agent-command.ts'
import { LocalCluster } from './cluster.ts'
import { isListening, listenForVerbs } from './control.ts'
import { clientOf, findServer } from './find-server.ts'
import { foldersOf } from './folders.ts'
import { killByEnvironment } from './leftovers.ts'
import { tellStory } from './story.ts'
import { describeStatus } from './table.ts'
import { handleVerbs } from './verbs.ts'

export type UpOptions = {
  readonly dir: string
  readonly server: string | undefined
  readonly pods: number
  readonly replicasPerMaster: number
  /** Goes on with the volumes of the last time. */
  readonly keep: boolean
  readonly kubernetes: 'on' | 'off'
}

const LOOK_EVERY_MS = 500

/** Seconds since the start, before each line. */
function teller(): (line: string) => void {
  const startedMs = performance.now()
  return line => {
    const seconds = (performance.now() - startedMs) / 1000
    console.log(`${seconds.toFixed(2).padStart(7)} s  ${line}`)
  }
}

async function untilOk(cluster: LocalCluster, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Readiness costs nothing to look at; the servers are asked only when all pods have it.
    const pods = cluster.pods
    const ready = pods.length === cluster.replicas && pods.every(pod => pod.ready)
    if (ready && (await cluster.status()).state === 'ok') return
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function announce(cluster: LocalCluster): Promise<void> {
  const first = cluster.pods[0]
  console.log(`\n${describeStatus(await cluster.status())}\n`)
  console.log(`Try: ${clientOf(cluster.options.server)} -c -h ${first?.address ?? ''}`)
  console.log('     npm run local -- status    (in another terminal; --help lists the verbs)')
  console.log('Ctrl-C ends all of it.')
}

/** Starts a cluster, tells its story, and stays until Ctrl-C or `down`. */
export async function up(options: UpOptions): Promise<void> {
  const server = findServer(options.server)
  const folders = foldersOf(options.dir)
  if (await isListening(folders.control))
    throw new Error(`a cluster runs already in ${folders.dir}; --dir names another folder`)
  killByEnvironment(`RUN_DIR=${folders.run}/`)
  rmSync(folders.run, { recursive: true, force: true })
  if (!options.keep) rmSync(folders.volume(''), { recursive: true, force: true })
  const ending = new AbortController()
  const end = () => ending.abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  const tell = teller()
  tell(`the server is ${server}, everything is in ${folders.dir}`)
  const { pods, replicasPerMaster, kubernetes } = options
  const cluster = await LocalCluster.create({
    dir: folders.dir,
    server,
    agent: await agentAtHand(),
    pods,
    replicasPerMaster,
    kubernetes,
    tell,
  })
  const control = await listenForVerbs(folders.control, handleVerbs(cluster, end))
  try {
    cluster.start()
    tellStory(() => cluster.pods, tell, ending.signal)
    await untilOk(cluster, ending.signal)
    if (!ending.signal.aborted) await announce(cluster)
    await aborted(ending.signal)
  } finally {
    end()
    tell('the cluster ends')
    control.close()
    await cluster.stop()
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise(resolve => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
