import {
  countKeys,
  numberOf,
  parseInfo,
  parseReplication,
  parseServerVersion,
} from '../cluster/info.ts'
import type { Info } from '../cluster/info.ts'
import { asNodeId } from '../cluster/node-id.ts'
import type { NodeId } from '../cluster/node-id.ts'
import { myself, parseNodes } from '../cluster/nodes.ts'
import type { ServerSettings, ServerView } from '../cluster/view.ts'
import { AgentError, messageOf } from '../errors.ts'
import type { Command, Pool, Reply } from './pool.ts'
import { explain, refusalOf } from './replies.ts'

/** Everything that an agent decides by, in one round trip. */
const questions: readonly Command[] = [
  ['CLUSTER', 'INFO'],
  ['CLUSTER', 'NODES'],
  ['INFO', 'server', 'replication', 'persistence', 'keyspace'],
  [
    'CONFIG',
    'GET',
    'cluster-node-timeout',
    'repl-diskless-sync-delay',
    'cluster-replica-no-failover',
  ],
]

/** What the server at the address says. Never throws: a server that does not answer is a view too. */
export async function readServer(
  pool: Pool,
  address: string,
  signal?: AbortSignal,
): Promise<ServerView> {
  try {
    const replies = await pool.run(address, questions, signal)
    // Before Redis 7.0 INFO took one section and CONFIG GET one name: an error names no version.
    const old = replies[2] && 'refusal' in replies[2] && refusalOf(replies[2].refusal) === 'other'
    if (!old) return viewOf(replies)
    const [server] = await pool.run(address, [['INFO', 'server']], signal)
    return tooOld(parseInfo(textOf(server))) ?? viewOf(replies)
  } catch (error) {
    return failed(error)
  }
}

/** The node id of the server at the address, or null if it does not say one. */
export async function whoIs(
  pool: Pool,
  address: string,
  signal?: AbortSignal,
): Promise<NodeId | null> {
  try {
    const [reply] = await pool.run(address, [['CLUSTER', 'MYID']], signal)
    return asNodeId(textOf(reply))
  } catch {
    return null
  }
}

const textOf = (reply: Reply | undefined): string =>
  reply && 'value' in reply && typeof reply.value === 'string' ? reply.value : ''

/** Redis 7.0 brought ADDSLOTSRANGE, hostnames and INFO of several sections; Valkey had them at once. */
function tooOld(info: Info): ServerView | null {
  const { flavor, version } = parseServerVersion(info)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const needed = flavor === 'valkey' ? { name: 'Valkey', minor: 2 } : { name: 'Redis', minor: 0 }
  if (major > 7 || (major === 7 && minor >= needed.minor)) return null
  const found = version === '' ? 'it names no version' : `it is ${needed.name} ${version}`
  return { state: 'unusable', because: `${found}; needed is Redis 7.0 or newer, or Valkey 7.2` }
}

function viewOf(replies: readonly Reply[]): ServerView {
  const info = parseInfo(textOf(replies[2]))
  const refusals = replies.flatMap(reply => ('refusal' in reply ? [reply.refusal] : []))
  // Redis refuses CLUSTER with LOADING meanwhile; Valkey 9 answers it, so that INFO alone tells.
  const isLoading = refusals.some(refusal => refusalOf(refusal) === 'loading')
  if (isLoading || info.get('loading') === '1')
    return { state: 'loading', because: describeLoading(info) }
  const [refusal] = refusals
  if (refusal !== undefined) return refused(refusal)
  const old = tooOld(info)
  if (old) return old
  const nodes = parseNodes(textOf(replies[1]))
  const own = myself(nodes)
  if (!own) return { state: 'unusable', because: 'its CLUSTER NODES has no line of its own' }
  const cluster = parseInfo(textOf(replies[0]))
  return {
    state: 'answered',
    facts: {
      nodeId: own.id,
      nodes,
      clusterState: cluster.get('cluster_state') === 'ok' ? 'ok' : 'fail',
      currentEpoch: numberOf(cluster, 'cluster_current_epoch'),
      ...parseServerVersion(info),
      uptimeMs: numberOf(info, 'uptime_in_seconds') * 1000,
      keys: countKeys(info),
      replication: parseReplication(info),
      settings: parseSettings(replies[3]),
    },
  }
}

/** A server that is busy or full answers again by itself; any other refusal needs a person. */
function refused(refusal: string): ServerView {
  const meaning = refusalOf(refusal)
  const passes = meaning === 'busy' || meaning === 'full' || meaning === 'master down'
  return { state: passes ? 'silent' : 'unusable', because: explain(refusal) }
}

function describeLoading(info: Info): string {
  const percent = info.get('loading_loaded_perc')
  return `it is loading its dataset${percent === undefined ? '' : `, ${percent} % done`}`
}

/** CONFIG GET answers with names and values in turn. */
function parseSettings(reply: Reply | undefined): ServerSettings {
  const words =
    reply && 'value' in reply && Array.isArray(reply.value) ? reply.value.map(String) : []
  const get = (name: string): string => words[words.indexOf(name) + 1] ?? ''
  return {
    nodeTimeoutMs: Number(get('cluster-node-timeout')),
    disklessSyncDelayS: Number(get('repl-diskless-sync-delay')),
    replicaNoFailover: get('cluster-replica-no-failover') === 'yes',
  }
}

function failed(error: unknown): ServerView {
  const because = messageOf(error)
  const isForeign = error instanceof AgentError && because.endsWith('not as a Redis server does')
  return { state: isForeign ? 'unusable' : 'silent', because }
}
