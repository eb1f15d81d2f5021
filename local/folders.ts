import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A Unix socket's path holds 107 bytes; what is below a pod's emptyDir needs some of them. */
const LONGEST_DIR = 60

/** Where a cluster keeps what. */
export type Folders = {
  readonly dir: string
  readonly logs: string
  /** The pods' emptyDirs, and the control socket: short paths. */
  readonly run: string
  readonly control: string
  readonly resolvConf: string
  volume(pod: string): string
}

/** The folders of the cluster in `dir`; the same for every process that asks. */
export function foldersOf(dir: string): Folders {
  const whole = resolve(dir)
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 10)
  const run = whole.length <= LONGEST_DIR ? join(whole, 'run') : join(tmpdir(), `rc-${hash}`)
  return {
    dir: whole,
    logs: join(whole, 'logs'),
    run,
    control: join(run, 'control.sock'),
    resolvConf: join(whole, 'resolv.conf'),
    volume: pod => join(whole, 'volumes', pod),
  }
}
