import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'
import { withServer } from '../../local/redis-call.ts'
import { temporaryFolder } from '../helper/folder.ts'
import { serverPath, type ServerName } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { freeAddresses, port } from './redis-process.ts'

/** Long enough that no replica takes over by itself while a trap closes. */
const NODE_TIMEOUT_MS = 60_000
const DEADLINE_MS = 60_000

/** A server without an agent: what the traps do to it, nobody heals. */
export class BareServer {
  readonly address: string
  readonly #name: ServerName
  readonly #dir: string
  readonly #directives: readonly string[]
  #process: ChildProcess | null = null

  constructor(name: ServerName, address: string, dir: string, directives: readonly string[]) {
    this.#name = name
    this.address = address
    this.#dir = dir
    this.#directives = directives
    mkdirSync(dir, { recursive: true })
  }

  command(...words: readonly [string, ...string[]]): Promise<unknown> {
    const [name, ...args] = words
    return withServer(this.address, {}, redis => redis.call(name, ...args))
  }

  async start(): Promise<void> {
    const settings = {
      bind: this.address,
      port: `${port}`,
      dir: this.#dir,
      save: '',
      'protected-mode': 'no',
      'repl-diskless-sync-delay': '0',
      'cluster-enabled': 'yes',
      'cluster-node-timeout': `${NODE_TIMEOUT_MS}`,
      'cluster-require-full-coverage': 'no',
      'cluster-announce-ip': this.address,
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const all = [...args, ...this.#directives]
    this.#process = spawn(serverPath(this.#name), all, { stdio: 'ignore' })
    await until(async () => (await this.command('PING')) === 'PONG', {
      what: `the server at ${this.address} answers`,
      deadlineMs: DEADLINE_MS,
    })
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const process = this.#process
    this.#process = null
    if (!process || process.exitCode !== null || process.signalCode !== null) return
    const ended = once(process, 'exit')
    process.kill(signal)
    await ended
  }

  id = async (): Promise<string> => String(await this.command('CLUSTER', 'MYID'))
  keys = async (): Promise<number> => Number(await this.command('DBSIZE'))

  /** Whether it is a replica that is linked to its master, which is where it says. */
  async isLinked(): Promise<boolean> {
    return /^master_link_status:up/m.test(String(await this.command('INFO', 'replication')))
  }

  /** Writes keys of its own slots until it has so many. */
  async fill(count: number, key: string): Promise<void> {
    let written = 0
    for (let i = 0; written < count; i++)
      try {
        await this.command('SET', `${key}:${i}`, `${i}`)
        written += 1
      } catch (error) {
        if (!(error as Error).message.startsWith('MOVED ')) throw error
      }
  }
}

/** Servers of one network, each with a folder of its own; they end with the test. */
export async function bareServers(
  t: Test,
  name: ServerName,
  count: number,
  directives: readonly string[] = [],
): Promise<{ servers: readonly BareServer[]; readonly another: (i: number) => BareServer }> {
  const dir = temporaryFolder(t)
  const addresses = await freeAddresses(count)
  const all: BareServer[] = []
  t.teardown(() => Promise.all(all.map(server => server.kill())))
  const make = (address: string): BareServer => {
    const server = new BareServer(name, address, join(dir, `${all.length}`), directives)
    all.push(server)
    return server
  }
  const servers = addresses.map(make)
  for (const server of servers) await server.start()
  return { servers, another: i => make(addresses[i] ?? '') }
}

/** Three masters that share the slots; a fourth server becomes the first one's replica. */
export async function formBare(servers: readonly BareServer[]): Promise<void> {
  const [first, second, third, replica] = servers
  if (!first || !second || !third) throw new Error('three servers are needed')
  await first.command('CLUSTER', 'ADDSLOTSRANGE', '0', '5460')
  await second.command('CLUSTER', 'ADDSLOTSRANGE', '5461', '10921')
  await third.command('CLUSTER', 'ADDSLOTSRANGE', '10922', '16383')
  for (const one of servers)
    for (const other of servers)
      if (one !== other) await one.command('CLUSTER', 'MEET', other.address, `${port}`)
  const id = await first.id()
  if (replica)
    await until(async () => (await replica.command('CLUSTER', 'REPLICATE', id)) === 'OK', {
      what: 'the replica has its master',
      deadlineMs: DEADLINE_MS,
    })
  for (const server of servers)
    await until(
      async () => {
        const info = String(await server.command('CLUSTER', 'INFO'))
        const knowsAll = info.includes(`cluster_known_nodes:${servers.length}\r`)
        const linked = server !== replica || (await server.isLinked())
        return info.includes('cluster_state:ok') && knowsAll && linked
      },
      { what: `${server.address} says ok`, deadlineMs: DEADLINE_MS },
    )
}
