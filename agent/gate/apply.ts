import { join } from 'node:path'
import {
  salvaged,
  withAddresses,
  withoutNewerFields,
  type AddressOf,
  type OwnAddress,
} from '../cluster/nodes-conf-rewrite.ts'
import { AgentError } from '../errors.ts'
import type { GateDecision } from '../plan/pod-rules/gate-facts.ts'
import { copyAside, renameAside, replaceFile } from './files.ts'
import { AOF_FOLDER, RDB_FILE, type Volume } from './volume.ts'

/** What was done to the volume, for the log: paths that were set aside; whether addresses changed. */
export type Applied = { readonly setAside: readonly string[]; readonly repaired: boolean }

type Opened = Extract<GateDecision, { open: true }>

async function setDatasetAside(dataDir: string): Promise<string[]> {
  const done: string[] = []
  for (const name of [AOF_FOLDER, 'appendonly.aof', RDB_FILE]) {
    const aside = await renameAside(join(dataDir, name), 'orphaned')
    if (aside) done.push(aside)
  }
  return done
}

/** The new text of nodes.conf; null if it stays or goes. */
function newText(
  decision: Opened,
  { nodesConf }: Volume,
  addressOf: AddressOf,
  own: OwnAddress,
): string | null {
  switch (decision.nodesConf) {
    case 'keep':
    case 'blank':
      return null
    case 'salvage':
      return nodesConf.state === 'damaged' ? salvaged(nodesConf.salvage, own) : null
    case 'rewrite':
    case 'plain': {
      if (nodesConf.state !== 'member') return null
      const text = withAddresses(nodesConf, addressOf, own)
      return decision.nodesConf === 'plain' ? withoutNewerFields(text) : text
    }
  }
}

/**
 * Does to the volume what the decision says. The dataset goes aside before nodes.conf: interrupted
 * between the two, the next try finds a node without data, never data without its node.
 */
export async function applyDecision(
  decision: Opened,
  volume: Volume,
  dataDir: string,
  addressOf: AddressOf,
  own: OwnAddress,
): Promise<Applied> {
  const path = join(dataDir, 'nodes.conf')
  const setAside: string[] = []
  if (decision.setAside.includes('dataset') || volume.stray)
    setAside.push(...(await setDatasetAside(dataDir)))
  const text = newText(decision, volume, addressOf, own)
  if (decision.nodesConf === 'salvage' && text === null)
    throw new AgentError('GATE', `nodes.conf in ${dataDir} cannot be salvaged`)
  if (decision.setAside.includes('nodes.conf')) {
    const why = volume.nodesConf.state === 'damaged' ? 'corrupt' : 'orphaned'
    const aside = text === null ? await renameAside(path, why) : await copyAside(path, why)
    if (aside) setAside.push(aside)
  }
  if (text !== null && text !== volume.text) await replaceFile(path, text)
  return { setAside, repaired: text !== null && text !== volume.text }
}
