import { asNodeId, type NodeId } from '../../../agent/cluster/node-id.ts'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import { readiness } from '../../../agent/cluster/readiness.ts'
import type {
  AgentFacts,
  PodView,
  Replication,
  ServerFacts,
  ServerView,
} from '../../../agent/cluster/view.ts'
import type { AgentSnapshot } from '../../../agent/server/snapshot.ts'

/** The node id of a pod: its ordinal, forty times. */
export function idOf(ordinal: number): NodeId {
  const id = asNodeId(String(ordinal).repeat(40))
  if (!id) throw new Error(`no node id for ${ordinal}`)
  return id
}

const domain = 'redis-cluster.default.svc.cluster.local'
const slots = ['0-5460', '5461-10922', '10923-16383']

/** CLUSTER NODES of 3+3 pods as `self` shows it: pod N+3 is the replica of pod N. */
export function tableOf(self: number, flagsOf: Readonly<Record<number, string>> = {}): string {
  return [0, 1, 2, 3, 4, 5]
    .map(ordinal => {
      const master = ordinal < 3
      const flags = [
        ordinal === self ? 'myself' : '',
        master ? 'master' : 'slave',
        flagsOf[ordinal] ?? '',
      ].filter(flag => flag !== '')
      return [
        idOf(ordinal),
        `10.0.0.${ordinal + 1}:6379@16379,redis-cluster-${ordinal}.${domain}`,
        flags.join(','),
        master ? '-' : idOf(ordinal - 3),
        '0 0',
        (ordinal % 3) + 1,
        'connected',
        master ? slots[ordinal] : '',
      ]
        .join(' ')
        .trim()
    })
    .join('\n')
}

const linkOf = (self: number): Replication => ({
  role: self < 3 ? 'master' : 'replica',
  masterHost: self < 3 ? '' : `10.0.0.${self - 2}`,
  masterPort: self < 3 ? 0 : 6379,
  linkUp: self >= 3,
  syncing: false,
  offset: 1400,
  replicas: self < 3 ? [{ ip: `10.0.0.${self + 4}`, port: 6379, online: true, offset: 1386 }] : [],
})

/** What the server of pod `self` says in a healthy cluster of 3+3, but for what the test changes. */
export const factsOf = (self: number, change: Partial<ServerFacts> = {}): ServerFacts => ({
  nodeId: idOf(self),
  nodes: parseNodes(tableOf(self)),
  clusterState: 'ok',
  currentEpoch: 6,
  flavor: 'valkey',
  version: '9.1.2',
  uptimeMs: 61_500,
  keys: 42,
  replication: linkOf(self),
  settings: { nodeTimeoutMs: 5000, disklessSyncDelayS: 0, replicaNoFailover: false },
  ...change,
})

export const answered = (facts: ServerFacts): ServerView => ({ state: 'answered', facts })

export const silent: ServerView = { state: 'silent', because: 'ECONNREFUSED 10.0.0.1:6379' }

/** A server that knows nobody and owns nothing. */
export const blank = (self: number): ServerFacts =>
  factsOf(self, {
    nodes: parseNodes(`${idOf(self)} :6379@16379 myself,master - 0 0 0 connected`),
    clusterState: 'fail',
    currentEpoch: 0,
    keys: 0,
    replication: { ...linkOf(0), replicas: [] },
  })

export const agentFacts = (ordinal: number, change: Partial<AgentFacts> = {}): AgentFacts => ({
  pod: `redis-cluster-${ordinal}`,
  hostname: `redis-cluster-${ordinal}.${domain}`,
  ordinal,
  nodeId: idOf(ordinal),
  podUid: `uid-${ordinal}`,
  node: 'pi-1',
  zone: '',
  revision: 'r1',
  terminating: false,
  paused: false,
  gateOpenMs: 60_000,
  gateBecause: 'the server is blank',
  ...change,
})

export const podView = (ordinal: number, server: ServerView): PodView => ({
  pod: {
    ordinal,
    name: `redis-cluster-${ordinal}`,
    hostname: `redis-cluster-${ordinal}.${domain}`,
  },
  address: `10.0.0.${ordinal + 1}`,
  agent: { state: 'answered', facts: agentFacts(ordinal) },
  server,
})

/** The coordinator, pod 0, of a healthy cluster of 3+3, but for what the test changes. */
export function snapshotOf(change: Partial<AgentSnapshot> = {}): AgentSnapshot {
  const server = change.server ?? answered(factsOf(0))
  return {
    agent: agentFacts(0),
    loopAgeMs: 700,
    coordinator: 'redis-cluster-0',
    isCoordinator: true,
    cluster: { phase: 'ok', because: '3 shards are whole', phaseMs: 12_000, plan: [] },
    pod: { phase: 'ok', because: 'nothing to heal' },
    server,
    ready: readiness({ server, terminating: false, wasReady: false, paused: false }),
    view: {
      pods: [0, 1, 2, 3, 4, 5].map(ordinal => podView(ordinal, answered(factsOf(ordinal)))),
      dnsFailure: null,
      nowMs: 1,
    },
    lostSlots: 0,
    foreignNodes: 0,
    ...change,
  }
}

/** Any other agent of that cluster: it sees the others in its server's table only. */
export const followerSnapshot = (
  ordinal: number,
  change: Partial<AgentSnapshot> = {},
): AgentSnapshot =>
  snapshotOf({
    agent: agentFacts(ordinal),
    isCoordinator: false,
    cluster: null,
    view: null,
    server: answered(factsOf(ordinal)),
    ...change,
  })
