import { asNodeId, type NodeId } from '../../agent/cluster/node-id.ts'
import { parseNodes } from '../../agent/cluster/nodes.ts'
import type { AgentFacts, PodView, ServerView } from '../../agent/cluster/view.ts'

/** Three masters 0..2 with a third of the slots each, replica n+3 copies n; the pod is 0. */
const ids = Array.from({ length: 6 }, (_, n) => `${n}`.repeat(40))
export const id = (n: number): NodeId =>
  asNodeId(ids[n] ?? '') ??
  (() => {
    throw new Error(`${n}`)
  })()
export const host = (n: number): string =>
  `redis-cluster-${n}.redis-cluster.default.svc.cluster.local`
const slots = ['0-5460', '5461-10922', '10923-16383']

/** A node that nobody's table names. */
export const other = asNodeId('f'.repeat(40))

type Table = { readonly self: number; readonly owner0?: 0 | 3; readonly epochs?: string }

/** nodes.conf, or CLUSTER NODES, as one of them has it; with `owner0: 3` replica 3 took over. */
function table({ self, owner0 = 0 }: Table): string {
  const took = owner0 === 3
  const line = (n: number): string => {
    const shard = n % 3
    const master = shard === 0 && took ? 3 : shard
    const isMaster = n === master
    const flags = `${n === self ? 'myself,' : ''}${isMaster ? 'master' : 'slave'}`
    const epoch = shard === 0 && took ? 9 : shard + 1
    const of = isMaster ? '-' : id(master)
    return `${id(n)} 10.0.0.${n}:6379@16379,${host(n)} ${flags} ${of} 0 0 ${epoch} connected ${isMaster ? (slots[shard] ?? '') : ''}`.trimEnd()
  }
  return [0, 1, 2, 3, 4, 5].map(line).join('\n')
}

export const conf = (self: number): string =>
  `${table({ self })}\nvars currentEpoch 6 lastVoteEpoch 0\n`

export function server(n: number, keys: number, owner0: 0 | 3 = 0): ServerView {
  const role = n >= 3 && !(n === 3 && owner0 === 3) ? 'replica' : 'master'
  return {
    state: 'answered',
    facts: {
      nodeId: id(n),
      nodes: parseNodes(table({ self: n, owner0 })),
      clusterState: 'ok',
      currentEpoch: 9,
      flavor: 'redis',
      version: '7.0.15',
      uptimeMs: 1000,
      keys,
      replication: {
        role,
        masterHost: role === 'replica' ? `10.0.0.${n - 3}` : '',
        masterPort: 6379,
        linkUp: false,
        syncing: false,
        offset: 100 + n,
        replicas: [],
      },
      settings: { nodeTimeoutMs: 5000, disklessSyncDelayS: 0, replicaNoFailover: false },
    },
  }
}

export const silent = { state: 'silent', because: 'ECONNREFUSED' } as const

export function peer(
  n: number,
  what: { server?: ServerView; agent?: Partial<AgentFacts> | null },
): PodView {
  const facts: AgentFacts = {
    pod: `redis-cluster-${n}`,
    hostname: host(n),
    ordinal: n,
    nodeId: id(n),
    podUid: '',
    node: '',
    zone: '',
    revision: '',
    terminating: false,
    paused: false,
    gateOpenMs: 1000,
    gateBecause: '',
    ...what.agent,
  }
  return {
    pod: { ordinal: n, name: `redis-cluster-${n}`, hostname: host(n) },
    address: `10.0.0.${n}`,
    agent: what.agent === null ? silent : { state: 'answered', facts },
    server: what.server ?? silent,
  }
}

const all = [0, 1, 2, 3, 4, 5]
export const others = (own: number, make: (n: number) => PodView): PodView[] =>
  all.filter(n => n !== own).map(make)
export const healthy = (n: number): PodView => peer(n, { server: server(n, 50) })
export const tookOver = (n: number): PodView => peer(n, { server: server(n, 50, 3) })
export const away = (n: number): PodView => peer(n, { agent: null })
export const closed = { nodeId: null, gateOpenMs: null } as const
export const gated =
  (dataset: 'none' | 'present') =>
  (n: number): PodView =>
    peer(n, { agent: { gateOpenMs: null, dataset } })
export const but =
  (n: number, one: PodView, rest: (n: number) => PodView) =>
  (k: number): PodView =>
    k === n ? one : rest(k)
