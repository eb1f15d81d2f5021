import { setTimeout as sleep } from 'node:timers/promises'
import { startProcess, type Process, type ProcessSpec } from './process.ts'

/** A kubelet waits 10 s and more; here nobody wants to wait that long for a second try. */
const FIRST_BACK_OFF_MS = 100
const LONGEST_BACK_OFF_MS = 5000
/** A run of this length counts as good: the next end starts the back-off anew. */
const GOOD_RUN_MS = 10_000

/** What a container tells its pod. */
export type ContainerEvents = {
  readonly onStart?: () => void
  readonly onExit?: (status: number, willRestart: boolean) => void
}

/** One container of a pod: its process is started again whenever it ends, until it is stopped. */
export class Container {
  restarts = 0
  readonly #spec: ProcessSpec
  readonly #events: ContainerEvents
  readonly #stopping = new AbortController()
  #process: Process | null = null
  #done: Promise<void> | null = null

  constructor(spec: ProcessSpec, events: ContainerEvents = {}) {
    this.#spec = spec
    this.#events = events
  }

  /** The process that runs now. */
  get process(): Process | null {
    return this.#process
  }

  start(): void {
    if (!this.#done && !this.#stopping.signal.aborted) this.#done = this.#run()
  }

  /** From now on the container is not started again when it ends. */
  endRestarts(): void {
    this.#stopping.abort()
  }

  /** SIGTERM to the process, SIGKILL to all of it after the grace period. Not started again. */
  async stop(graceMs: number): Promise<void> {
    this.endRestarts()
    this.#process?.signal('SIGTERM')
    const timer = setTimeout(() => this.#process?.signalGroup('SIGKILL'), graceMs)
    await this.#done
    clearTimeout(timer)
  }

  /** SIGKILL to all of it, and not started again. */
  async kill(): Promise<void> {
    this.endRestarts()
    this.#process?.signalGroup('SIGKILL')
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let backOffMs = FIRST_BACK_OFF_MS
    while (!signal.aborted) {
      const startedMs = performance.now()
      this.#process = startProcess(this.#spec)
      this.#events.onStart?.()
      const status = await this.#process.exited
      this.#process = null
      this.#events.onExit?.(status, !signal.aborted)
      if (performance.now() - startedMs > GOOD_RUN_MS) backOffMs = FIRST_BACK_OFF_MS
      await sleep(backOffMs, undefined, { signal }).catch(() => undefined)
      backOffMs = Math.min(backOffMs * 2, LONGEST_BACK_OFF_MS)
      if (!signal.aborted) this.restarts++
    }
  }
}
