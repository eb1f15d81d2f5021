import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentCommand } from './agent-command.ts'
import { Container } from './container.ts'
import { get } from './http-get.ts'
import { runProcess, type Environment, type ProcessSpec } from './process.ts'

export const REDIS_PORT = 6379
export const HTTP_PORT = 9121
/** The startup probe is asked often (a kubelet: each second): the start of a pod waits for it. */
const STARTUP_PROBE_MS = 50
const READINESS_PROBE_MS = 1000
const PROBE_TIMEOUT_MS = 1000
/** A kubelet gives a container this much to end even if its preStop hook used up the grace period. */
const LEAST_GRACE_MS = 2000

export type PodSpec = {
  readonly name: string
  readonly address: string
  readonly agent: AgentCommand
  /** The pod's environment, without what differs between its incarnations. */
  readonly env: Environment
  readonly redisConf: string
  /** The emptyDir: new, and short enough for the path of a socket in it. */
  readonly runDir: string
  readonly dataDir: string
  readonly logs: string
  readonly tell: (line: string) => void
  /** Told of every change of readiness, as the API is. */
  readonly onReady?: (ready: boolean) => void
}

/** One pod from its creation to its end, run as a kubelet runs it. Its successor is another Pod. */
export class Pod {
  readonly name: string
  readonly ordinal: number
  readonly address: string
  readonly uid = randomUUID()
  readonly env: Environment
  ready = false
  terminating = false
  readonly agent: Container
  readonly server: Container
  readonly #spec: PodSpec
  readonly #ending = new AbortController()
  #life: Promise<void> = Promise.resolve()

  constructor(spec: PodSpec) {
    this.#spec = spec
    this.name = spec.name
    this.ordinal = Number(/\d+$/.exec(spec.name)?.[0])
    this.address = spec.address
    this.env = {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      ...spec.agent.env,
      POD_NAME: spec.name,
      POD_IP: spec.address,
      POD_UID: this.uid,
      RUN_DIR: spec.runDir,
      DATA_DIR: spec.dataDir,
      CONFIG_FILE: join(spec.runDir, 'config', 'redis.conf'),
      ...spec.env,
    }
    const told = (what: string) => ({
      onExit: (status: number, again: boolean) => {
        if (!this.terminating)
          spec.tell(
            `${spec.name}: the ${what} ended with status ${status}${again ? ' and is started again' : ''}`,
          )
      },
    })
    this.agent = new Container(this.#process('agent', this.#agentCommand('run')), told('agent'))
    this.server = new Container(
      this.#process('server', ['sh', join(spec.runDir, 'server.sh')]),
      told('server'),
    )
  }

  /** The log of `init`, `agent` or `server`; it goes on through all the pods of this name. */
  logOf(container: 'init' | 'agent' | 'server'): string {
    return join(this.#spec.logs, `${this.name}.${container}.log`)
  }

  /** The environment and the command line of `agent ...` in this pod. */
  agentProcess(...args: string[]): { command: readonly [string, ...string[]]; env: Environment } {
    return { command: this.#agentCommand(...args), env: this.env }
  }

  start(): void {
    const { runDir, dataDir, address, redisConf } = this.#spec
    mkdirSync(join(runDir, 'config'), { recursive: true })
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(join(runDir, 'config', 'redis.conf'), `bind ${address}\n${redisConf}\n`)
    this.#spec.tell(`${this.name}: starts with address ${address}`)
    this.#life = this.#live()
  }

  /**
   * Ends the pod as `kubectl delete pod` does: preStop hook of the server, SIGTERM to the server,
   * then to the agent, all within the grace period.
   */
  async end(graceMs: number): Promise<void> {
    if (this.terminating) return this.#life
    this.terminating = true
    const deadlineMs = performance.now() + graceMs
    const left = () => Math.max(LEAST_GRACE_MS, deadlineMs - performance.now())
    this.server.endRestarts()
    this.agent.endRestarts()
    if (this.server.process) {
      const hook = this.#process('server', ['sh', join(this.#spec.runDir, 'pre-stop.sh')])
      await runProcess(hook, AbortSignal.timeout(graceMs))
    }
    await this.server.stop(left())
    await this.agent.stop(left())
    await this.#end()
  }

  /** SIGKILL to all of the pod, as when its node loses power. */
  async kill(): Promise<void> {
    this.terminating = true
    await Promise.all([this.server.kill(), this.agent.kill()])
    await this.#end()
  }

  /** Ends all without the hook: nothing has to go on. */
  async shutDown(graceMs: number): Promise<void> {
    this.terminating = true
    await this.agent.stop(graceMs)
    await this.server.stop(graceMs)
    await this.#end()
  }

  async #end(): Promise<void> {
    this.#ending.abort()
    await this.#life
    this.ready = false
    rmSync(this.#spec.runDir, { recursive: true, force: true })
  }

  #agentCommand(...args: string[]): readonly [string, ...string[]] {
    return [...this.#spec.agent.command, ...args]
  }

  #process(container: 'init' | 'agent' | 'server', command: ProcessSpec['command']): ProcessSpec {
    return { command, env: this.env, log: this.logOf(container) }
  }

  /** Init, sidecar, startup probe, server, readiness probes: a kubelet's order. */
  async #live(): Promise<void> {
    const { signal } = this.#ending
    for (let backOffMs = 100; !signal.aborted && !this.terminating; backOffMs *= 2) {
      const status = await runProcess(this.#process('init', this.#agentCommand('init')), signal)
      if (status === 0) break
      if (!signal.aborted) this.#spec.tell(`${this.name}: init ended with status ${status}`)
      await sleep(Math.min(backOffMs, 5000), undefined, { signal }).catch(() => undefined)
    }
    if (this.terminating) return
    this.agent.start()
    while (!signal.aborted && !(await this.#probe('/livez')))
      await sleep(STARTUP_PROBE_MS, undefined, { signal }).catch(() => undefined)
    if (!this.terminating) this.server.start()
    while (!signal.aborted) {
      const ready = await this.#probe('/readyz')
      if (ready !== this.ready && !this.terminating) {
        this.#spec.tell(`${this.name}: is ${ready ? 'ready' : 'not ready'}`)
        this.#spec.onReady?.(ready)
      }
      this.ready = ready
      await sleep(READINESS_PROBE_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  async #probe(path: string): Promise<boolean> {
    const response = await get(this.address, HTTP_PORT, path, PROBE_TIMEOUT_MS)
    return response?.status === 200
  }
}
