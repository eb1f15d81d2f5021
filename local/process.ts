import { spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync } from 'node:fs'

/** A program and its arguments. */
export type Command = readonly [file: string, ...args: string[]]

export type Environment = Readonly<Record<string, string>>

export type ProcessSpec = {
  readonly command: Command
  readonly env: Environment
  /** File that its output is appended to. */
  readonly log: string
}

/** A process in a process group of its own, its output in a file. */
export type Process = {
  readonly pid: number | undefined
  /** Its exit status as a shell tells it: 128 + signal if a signal ended it, 127 if it never ran. */
  readonly exited: Promise<number>
  /** Sends a signal to the process alone, as a kubelet does when it stops a container. */
  signal(name: NodeJS.Signals): void
  /** Sends a signal to all of the group, what it forked included. */
  signalGroup(name: NodeJS.Signals): void
}

const signalNumbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
}

/** Sends a signal to a process (or, negative, a group) that may be gone already. */
export function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Starts the program; one that cannot be started has "exited" with 127, and its log says why. */
export function startProcess(spec: ProcessSpec): Process {
  const [file, ...args] = spec.command
  const log = openSync(spec.log, 'a')
  const child = spawn(file, args, {
    env: spec.env,
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  let ended = false
  const exited = new Promise<number>(resolve => {
    child.once('error', error => {
      ended = true
      appendFileSync(spec.log, `${error.message}\n`)
      resolve(127)
    })
    child.once('exit', (code, signal) => {
      ended = true
      // The container ends with its first process; what that forked does not survive it.
      if (child.pid !== undefined) send(-child.pid, 'SIGKILL')
      resolve(code ?? 128 + ((signal && signalNumbers[signal]) ?? 0))
    })
  })
  return {
    pid: child.pid,
    exited,
    signal: name => {
      if (child.pid !== undefined && !ended) send(child.pid, name)
    },
    signalGroup: name => {
      if (child.pid !== undefined && !ended) send(-child.pid, name)
    },
  }
}

/** Runs a program to its end and gives its exit status; SIGKILL when the signal aborts. */
export async function runProcess(spec: ProcessSpec, signal: AbortSignal): Promise<number> {
  if (signal.aborted) return 137
  const child = startProcess(spec)
  const kill = () => child.signalGroup('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    return await child.exited
  } finally {
    signal.removeEventListener('abort', kill)
  }
}
