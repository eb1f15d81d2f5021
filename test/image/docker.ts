import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../helper/until.ts'

export type Ended = { readonly code: number; readonly out: string; readonly err: string }

/** A Docker to test with: the one that runs, or one of our own. */
export type Docker = {
  /** What a script needs to talk to it. */
  readonly env: Readonly<Record<string, string>>
  /** Runs `docker ...args` and says how it ended. */
  readonly attempt: (...args: string[]) => Promise<Ended>
  /** The same; fails with what docker said, and gives what it printed. */
  readonly run: (...args: string[]) => Promise<string>
  readonly stop: () => Promise<void>
}

/** Runs a program to its end. */
export function execute(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise(resolve => {
    const options = {
      env: { ...process.env, ...env },
      maxBuffer: 64 * 2 ** 20,
      timeout: 8 * 60_000,
    }
    execFile(program, args, options, (error, out, err) => {
      const failed = typeof error?.code === 'number' ? error.code : 127
      resolve({ code: error ? failed : 0, out, err: err || (error?.message ?? '') })
    })
  })
}

function client(program: string, env: Readonly<Record<string, string>>): Omit<Docker, 'stop'> {
  const settings = { ...env, DOCKER_BUILDKIT: '1' }
  const attempt = (...args: string[]): Promise<Ended> => execute(program, args, settings)
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await attempt(...args)
    if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${err || out}`)
    return out.trim()
  }
  return { env: { ...settings, DOCKER: program }, attempt, run }
}

/** Installs what is missing of Debian's packages; says why it cannot. */
async function install(): Promise<string | null> {
  const missing: string[] = []
  for (const [file, name] of [
    ['/usr/sbin/dockerd', 'docker.io'],
    ['/usr/sbin/iptables', 'iptables'],
    ['/usr/sbin/debootstrap', 'debootstrap'],
  ] as const)
    await access(file).catch(() => missing.push(name))
  if (missing.length === 0) return null
  const options = ['install', '--yes', '--no-install-recommends', ...missing]
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await execute('apt-get', ['update'], env)
  const { code, err } = await execute('apt-get', options, env)
  return code === 0 ? null : `apt-get install ${missing.join(' ')} failed: ${err.trim()}`
}

/** Resolves when the process has ended; it is killed if it takes its time. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** A daemon with folders and a socket of its own, or why there is none. */
async function startDaemon(): Promise<Docker | string> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-'))
  const host = `unix://${folder}/docker.sock`
  // Where Docker has to turn forwarding on itself, it also makes DROP the policy of the whole machine,
  // and leaves it behind. Where this cannot be written, Docker cannot run, and says so.
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1').catch(() => undefined)
  const output = openSync(join(folder, 'log'), 'a')
  const folders = [`--pidfile=${folder}/pid`, `--data-root=${folder}/data`]
  // Without the bridge docker0, which another daemon on this machine would share or take away.
  const args = [`--host=${host}`, ...folders, `--exec-root=${folder}/exec`, '--bridge=none']
  const daemon = spawn('/usr/sbin/dockerd', args, { stdio: ['ignore', output, output] })
  const docker = client('/usr/bin/docker', { DOCKER_HOST: host })
  const stop = async (): Promise<void> => {
    daemon.kill('SIGTERM')
    await ended(daemon)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined)
  }
  const answers = async (): Promise<boolean> => (await docker.attempt('info')).code === 0
  const what = 'dockerd answers or ends'
  const told = await until(async () => daemon.exitCode !== null || (await answers()), { what })
    .then(() => daemon.exitCode === null)
    .catch(() => false)
  if (told) return { ...docker, stop }
  const log = await readFile(join(folder, 'log'), 'utf8')
  await stop()
  return `dockerd does not run here: ${log.trim().split('\n').at(-1) ?? ''}`
}

/** The Docker that runs here already. */
async function running(): Promise<Docker | null> {
  const docker = client('docker', {})
  const { code } = await docker.attempt('info')
  return code === 0 ? { ...docker, stop: () => Promise.resolve() } : null
}

/** A Docker to test with, or why there is none. */
export async function startDocker(): Promise<Docker | string> {
  const there = await running()
  if (there) return there
  if (process.getuid?.() !== 0) return 'no Docker runs here, and only root can start one'
  const because = await install()
  if (because !== null) return because
  // On some machines the package starts its daemon.
  return (await running()) ?? startDaemon()
}
