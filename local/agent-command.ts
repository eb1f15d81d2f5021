import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { glob, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command, Environment } from './process.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
/** Bundles of older sources are swept after this time: a cluster may still run from them. */
const SWEEP_AFTER_MS = 24 * 3600 * 1000

/** How the agent is started, without its own arguments, and what its environment needs. */
export type AgentCommand = { readonly command: Command; readonly env: Environment }

/** The flags of the image (image/agent). */
const imageFlags = [
  '--max-semi-space-size=1',
  '--max-old-space-size=48',
  '--lite-mode',
  '--expose-gc',
]

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const files = ['build.ts', 'package-lock.json']
  for await (const file of glob(['agent/**/*.ts', 'image/*.sh'], { cwd: root })) files.push(file)
  for (const file of files.sort()) {
    const { mtimeMs, size } = await stat(join(root, file))
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex').slice(0, 12)
}

async function sweep(folder: string, keep: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path)
    if (path !== keep && Date.now() - mtimeMs > SWEEP_AFTER_MS)
      await rm(path, { recursive: true, force: true })
  }
}

/**
 * Bundles the agent unless a bundle of the same sources is there, and gives the path of its main
 * file. Several processes may do so at once: a bundle appears whole, by a rename.
 */
export async function bundledAgent(): Promise<string> {
  const folder = join(root, '.local', 'bundles')
  const target = join(folder, await hashOfSources())
  const main = join(target, 'main.js')
  if (existsSync(main)) return main
  await mkdir(folder, { recursive: true })
  const { bundle } = await import('../build.ts')
  const making = `${target}.${process.pid}`
  await bundle(making)
  await rename(making, target).catch(async error => {
    await rm(making, { recursive: true, force: true })
    if (!existsSync(main)) throw error
  })
  await sweep(folder, target)
  return main
}

async function majorVersion(node: string): Promise<number> {
  try {
    const { stdout } = await run(node, ['--version'])
    return Number(/^v(\d+)/.exec(stdout)?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** The machine's Node 20, the one that the image has; the running one where there is none. */
export async function nodeOfImage(): Promise<string> {
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  for (const folder of folders) {
    const node = join(folder, 'node')
    if (existsSync(node) && (await majorVersion(node)) === 20) return node
  }
  return process.execPath
}

/** The bundle, started as the image starts it. */
export async function agentOfImage(): Promise<AgentCommand> {
  return {
    command: [await nodeOfImage(), ...imageFlags, await bundledAgent()],
    env: { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' },
  }
}

/** The bundle with the node that runs this process. */
export async function agentAtHand(): Promise<AgentCommand> {
  return { command: [process.execPath, await bundledAgent()], env: {} }
}
