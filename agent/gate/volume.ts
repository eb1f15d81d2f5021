import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { aofHoldsKeys, parseManifest, type AofFile, type Dataset } from '../cluster/dataset.ts'
import { readNodesConf, type NodesConf } from '../cluster/nodes-conf.ts'
import { isMissing, readIfThere } from '../init/file.ts'
import { rdbHoldsKeys } from './rdb.ts'

/** As much of a data file as tells whether it holds a key. */
const PRELUDE_BYTES = 1 << 20

/** The names that `agent init` gives the files; a user cannot change them. */
export const AOF_FOLDER = 'appendonlydir'
export const RDB_FILE = 'dump.rdb'
const AOF_NAME = 'appendonly.aof'

/** What lies on the pod's volume. */
export type Volume = {
  readonly text: string | null
  readonly nodesConf: NodesConf
  readonly dataset: Dataset
  /** The append-only files are whole and hold no key: the server had none when it ended. */
  readonly wasEmpty: boolean
  /** Append-only files that the server would not load, and would write over: no manifest names them. */
  readonly stray: boolean
}

/** The first bytes of a file; null if there is none. */
async function readPrelude(path: string): Promise<Uint8Array | null> {
  try {
    const file = await open(path)
    try {
      const bytes = new Uint8Array(PRELUDE_BYTES)
      const { bytesRead } = await file.read(bytes, 0, PRELUDE_BYTES, 0)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** A file of the manifest that is missing keeps the server from starting: data that does not load. */
async function holdsKeys(path: string): Promise<boolean> {
  const bytes = await readPrelude(path)
  if (!bytes) return true
  const text = new TextDecoder('latin1').decode(bytes)
  if (/^(REDIS|VALKEY)/.test(text)) return rdbHoldsKeys(bytes)
  return path.endsWith('.rdb') || aofHoldsKeys(text)
}

const anyHoldsKeys = async (folder: string, files: readonly AofFile[]): Promise<boolean> => {
  for (const { name, type } of files)
    if (type !== 'h' && (await holdsKeys(join(folder, name)))) return true
  return false
}

const sizeOf = async (path: string): Promise<number> =>
  stat(path).then(
    found => found.size,
    () => 0,
  )

async function isStray(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) if ((await sizeOf(join(folder, name))) > 0) return true
  return false
}

async function readAof(dataDir: string): Promise<Omit<Volume, 'text' | 'nodesConf'>> {
  const folder = join(dataDir, AOF_FOLDER)
  const manifest = await readIfThere(join(folder, `${AOF_NAME}.manifest`))
  if (manifest !== null) {
    const files = parseManifest(manifest)
    const keys = files === null || (await anyHoldsKeys(folder, files))
    const wasEmpty = !keys && (files?.length ?? 0) > 0
    return { dataset: keys ? 'present' : 'empty', wasEmpty, stray: false }
  }
  // The one file of a server older than 7.0, which 7.0 takes over.
  const old = await sizeOf(join(dataDir, AOF_NAME))
  return {
    dataset: old > 0 ? 'present' : 'none',
    wasEmpty: false,
    stray: await isStray(folder),
  }
}

async function readRdb(dataDir: string): Promise<Dataset> {
  const bytes = await readPrelude(join(dataDir, RDB_FILE))
  return bytes === null ? 'none' : rdbHoldsKeys(bytes) ? 'present' : 'empty'
}

/** Whether the server loads the append-only files; the last line of its configuration counts. */
async function usesAof(runDir: string): Promise<boolean> {
  const text = (await readIfThere(join(runDir, 'redis.conf'))) ?? ''
  const last = [...text.matchAll(/^\s*appendonly\s+"?(yes|no)/gim)].at(-1)
  return last?.[1]?.toLowerCase() !== 'no'
}

/** Reads nodes.conf and finds out what the server would load; changes nothing. */
export async function readVolume(dataDir: string, runDir: string): Promise<Volume> {
  const text = await readIfThere(join(dataDir, 'nodes.conf'))
  const data = (await usesAof(runDir))
    ? await readAof(dataDir)
    : { dataset: await readRdb(dataDir), wasEmpty: false, stray: false }
  return { text, nodesConf: readNodesConf(text), ...data }
}
