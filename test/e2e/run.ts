import { glob } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { diagnose } from './cluster.ts'
import { attempt } from './kubectl.ts'
import { bundleClient } from './load/load.ts'
import { table, writeJunit, type Result } from './report.ts'
import type { Context, Measured, Scenario } from './scenario.ts'
import { createCluster, removeNamespace, type TestCluster } from './test-cluster.ts'

const usage = `IMAGE=NAME:TAG npm run e2e [-- SCENARIO...]
  IMAGE  the image to test, known to the cluster of the current kubectl context
  JUNIT  where to write the report (.local/e2e.xml)
  KEEP   1 leaves the namespaces of failed scenarios for a look`

const folder = fileURLToPath(new URL('scenarios', import.meta.url))
/** In this order, so that each finds what the one before left; others follow by name. */
const order = ['create', 'labels-and-events', 'probes-and-metrics', 'paused', 'agent-killed']

async function findScenarios(wanted: readonly string[]): Promise<Scenario[]> {
  const files: string[] = []
  for await (const file of glob('*.ts', { cwd: folder })) files.push(basename(file, '.ts'))
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : 99)
  const unknown = wanted.filter(name => !files.includes(name))
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(', ')}; there are ${files.sort().join(', ')}`)
  const chosen = files
    .filter(name => wanted.length === 0 || wanted.includes(name))
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
  return Promise.all(chosen.map(async name => (await import(`${folder}/${name}.ts`)) as Scenario))
}

/** The namespaces of one run, so that nothing stays behind. */
class Namespaces {
  readonly #image: string
  readonly #script: string
  readonly #prefix = `redis-e2e-${Date.now().toString(36)}`
  readonly #all = new Set<string>()
  #serial = 0

  constructor(image: string, script: string) {
    this.#image = image
    this.#script = script
  }

  async create(restricted: boolean): Promise<TestCluster> {
    this.#serial += 1
    const namespace = `${this.#prefix}-${this.#serial}`
    this.#all.add(namespace)
    return createCluster({ image: this.#image, script: this.#script, namespace, restricted })
  }

  newest(): string | undefined {
    return [...this.#all].at(-1)
  }

  async remove(namespace: string): Promise<void> {
    const stays = await removeNamespace(namespace)
    if (stays !== null) console.log(stays)
    this.#all.delete(namespace)
  }

  async removeAll(): Promise<void> {
    await Promise.all([...this.#all].map(namespace => this.remove(namespace)))
  }

  /** Leaves them to whoever looks. */
  keepAll(): void {
    for (const namespace of this.#all) console.log(`kept: namespace ${namespace}`)
    this.#all.clear()
  }
}

/** Runs scenarios one after the other; after a failure the next one gets a new cluster. */
class Runner {
  readonly #namespaces: Namespaces
  #shared: TestCluster | null = null

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces
  }

  async run({ name, run }: Scenario): Promise<Result> {
    console.log(`\n=== ${name}`)
    const startedMs = performance.now()
    const own: string[] = []
    const context: Context = {
      cluster: async () => (this.#shared ??= await this.#namespaces.create(false)),
      ownCluster: async ({ restricted = false } = {}) => {
        const cluster = await this.#namespaces.create(restricted)
        own.push(cluster.namespace)
        return cluster
      },
      say: text => console.log(`    ${text}`),
    }
    let because: string | null = null
    let measured: Measured = {}
    try {
      measured = await run(context)
      for (const [what, value] of Object.entries(measured)) console.log(`    ${what}: ${value}`)
      for (const namespace of own) await this.#namespaces.remove(namespace)
    } catch (error) {
      because = error instanceof Error ? error.message : String(error)
      await this.#explain(because, own.at(-1) ?? this.#shared?.namespace)
    }
    const ms = performance.now() - startedMs
    console.log(`    ${because === null ? 'ok' : 'FAILED'} after ${Math.round(ms / 1000)} s`)
    return { name, ms, because, measured }
  }

  async #explain(because: string, namespace = this.#namespaces.newest()): Promise<void> {
    console.log(`    ${because}`)
    if (namespace !== undefined) console.log(await diagnose({ namespace, createdMs: 0 }))
    this.#shared = null
    if (process.env['KEEP'] === '1') this.#namespaces.keepAll()
    else await this.#namespaces.removeAll()
  }
}

async function main(): Promise<number> {
  const image = process.env['IMAGE']
  if (image === undefined || process.argv.includes('--help')) {
    console.log(usage)
    return image === undefined ? 2 : 0
  }
  const scenarios = await findScenarios(process.argv.slice(2))
  const { out, err, code } = await attempt(['version'])
  if (code !== 0) throw new Error(`kubectl reaches no cluster: ${err.trim()}`)
  console.log(`${out.trim()}\nImage: ${image}`)
  const namespaces = new Namespaces(image, await bundleClient())
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void namespaces.removeAll().finally(() => process.exit(130)))
  const runner = new Runner(namespaces)
  const results: Result[] = []
  for (const scenario of scenarios) results.push(await runner.run(scenario))
  await namespaces.removeAll()
  const junit = process.env['JUNIT'] ?? '.local/e2e.xml'
  await writeJunit(junit, results)
  console.log(`\n${table(results)}\nReport: ${junit}`)
  return results.every(({ because }) => because === null) ? 0 : 1
}

process.exitCode = await main()
