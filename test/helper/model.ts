import type { ClusterNode, NodeFlag } from '../../agent/cluster/nodes.ts'
import type { NodeId } from '../../agent/cluster/node-id.ts'
import { SLOT_COUNT, subtract, union, type SlotRange } from '../../agent/cluster/slots.ts'
import type {
  AgentFacts,
  ClusterView,
  PodView,
  ServerFacts,
  Wish,
} from '../../agent/cluster/view.ts'
import type { Action } from '../../agent/plan/action.ts'

/** A server of the model: what it owns and whom it knows. Gossip is instant where links exist. */
export type ModelServer = {
  id: NodeId
  ordinal: number
  address: string
  up: boolean
  agentUp: boolean
  node: string
  zone: string
  slots: SlotRange[]
  masterId: NodeId | null
  epoch: number
  keys: number
  offset: number
  uptimeMs: number
  nodeTimeoutMs: number
  noFailover: boolean
  linkUp: boolean
  /** Ids that it knows, with the address that it believes in. */
  knows: Map<NodeId, string>
  /** Nodes that it was told to forget. */
  ghosts: ModelGhost[]
}

/** A node in somebody's table that no server of the model is. */
export type ModelGhost = { id: NodeId; hostname: string; slots: SlotRange[]; linked: boolean }

/** A node id made of a number, as readable in a failure as it can be. */
export const modelId = (n: number): NodeId => n.toString(16).padStart(40, '0') as NodeId

/** The full name of a pod of the model. */
export const hostnameOf = (ordinal: number): string =>
  `redis-cluster-${ordinal}.redis-cluster.default.svc.cluster.local`

/** A cluster of servers that obey actions as Redis does, as far as the planner can tell. */
export class Model {
  readonly servers: ModelServer[]
  /** Every command that an action came to, for tests that look for a forbidden one. */
  wish: Wish
  dnsFailure: string | null = null
  nowMs = 0
  /** Nodes that are proven absent, and since when. */
  absent = new Map<NodeId, number>()

  constructor(pods: number, wish: Partial<Wish> = {}) {
    this.wish = {
      pods,
      replicasPerMaster: 1,
      masters: null,
      paused: false,
      port: 6379,
      nodeTimeoutMs: 5000,
      disklessSyncDelayS: 0,
      goneAfterMs: 60_000,
      acceptDataLoss: null,
      api: 'off',
      ...wish,
    }
    this.servers = Array.from({ length: pods }, (_, ordinal) => blankServer(ordinal, pods))
  }

  server(ordinal: number): ModelServer {
    const found = this.servers.find(server => server.ordinal === ordinal)
    if (!found) throw new Error(`no server ${ordinal} in the model`)
    return found
  }

  /** The pod loses its volume: a new id that knows nobody; the others keep the old one as a ghost. */
  wipe(ordinal: number): void {
    const old = this.server(ordinal)
    const fresh = blankServer(ordinal, this.servers.length)
    this.servers[this.servers.indexOf(old)] = {
      ...fresh,
      id: modelId(1000 + ordinal + (Number.parseInt(old.id, 16) >= 1000 ? 1000 : 0)),
      node: old.node,
      zone: old.zone,
    }
    for (const server of this.servers)
      if (server.knows.delete(old.id))
        server.ghosts.push({
          id: old.id,
          hostname: hostnameOf(ordinal),
          slots: old.slots,
          linked: false,
        })
  }

  apply(action: Action): void {
    const server = this.server(action.pod)
    switch (action.type) {
      case 'set-config': {
        const timeout = action.settings['cluster-node-timeout']
        if (timeout !== undefined) server.nodeTimeoutMs = Number(timeout)
        const guard = action.settings['cluster-replica-no-failover']
        if (guard !== undefined) server.noFailover = guard === 'yes'
        return
      }
      case 'set-config-epoch':
        if (server.knows.size > 0) throw new Error('SET-CONFIG-EPOCH: knows others')
        server.epoch = action.epoch
        return
      case 'add-slots':
        server.slots = union([...server.slots, ...action.ranges])
        return
      case 'meet': {
        const peer = this.servers.find(other => other.address === action.address && other.up)
        if (!peer) return
        this.introduce(server, peer)
        return
      }
      case 'replicate':
        if (server.slots.length > 0 || (server.keys > 0 && server.masterId === null))
          throw new Error('REPLICATE: node is not empty')
        if (!server.knows.has(action.masterId)) throw new Error('REPLICATE: unknown node')
        server.masterId = action.masterId
        server.linkUp = true
        server.keys = this.servers.find(({ id }) => id === action.masterId)?.keys ?? 0
        server.offset = 1
        return
      case 'forget':
        server.ghosts = server.ghosts.filter(ghost => ghost.id !== action.nodeId)
        return
      case 'take-slots':
        this.claim(server, action.ranges)
        return
      case 'failover': {
        const old = server.masterId
        server.masterId = null
        this.claim(server, this.slotsOf(old))
        for (const other of this.servers) if (other.masterId === old) other.masterId = server.id
        const master = this.servers.find(other => other.id === old)
        if (master) master.masterId = server.id
        return
      }
    }
  }

  /** The slots of a node, be it a server or one that is left in tables only. */
  private slotsOf(id: NodeId | null): SlotRange[] {
    const server = this.servers.find(other => other.id === id)
    const ghosts = this.servers.flatMap(({ ghosts }) => ghosts).filter(ghost => ghost.id === id)
    return server?.slots ?? ghosts.find(ghost => ghost.slots.length > 0)?.slots ?? []
  }

  /** The slots with the highest epoch: gossip takes them from everybody else. */
  private claim(server: ModelServer, ranges: readonly SlotRange[]): void {
    for (const other of this.servers) {
      if (other !== server) other.slots = subtract(other.slots, ranges)
      for (const ghost of other.ghosts) ghost.slots = subtract(ghost.slots, ranges)
    }
    server.slots = union([...server.slots, ...ranges])
    server.epoch = Math.max(...this.servers.map(({ epoch }) => epoch)) + 1
  }

  /** What the servers do by themselves: a replica of a dead master is elected, if there is a vote. */
  elect(): void {
    const owners = this.servers.filter(server => server.slots.length > 0)
    const ghosts = new Set(
      this.servers
        .flatMap(server => server.ghosts.filter(ghost => ghost.slots.length > 0))
        .map(({ id }) => id),
    )
    const living = owners.filter(({ up }) => up)
    if (living.length * 2 <= owners.length + ghosts.size) return
    for (const id of [...ghosts, ...owners.filter(({ up }) => !up).map(owner => owner.id)]) {
      const heir = this.servers.find(server => server.up && server.masterId === id)
      if (heir) this.apply({ type: 'failover', mode: 'force', pod: heir.ordinal })
    }
  }

  /** Both learn each other, and gossip brings each what the other knows. */
  private introduce(a: ModelServer, b: ModelServer): void {
    const ids = new Map([...a.knows, ...b.knows, [a.id, a.address], [b.id, b.address]])
    for (const server of this.servers)
      if (ids.has(server.id) && server.up) {
        for (const [id, address] of ids) if (id !== server.id) server.knows.set(id, address)
      }
  }

  view(): ClusterView {
    return {
      pods: this.servers.map(server => this.podView(server)),
      dnsFailure: this.dnsFailure,
      nowMs: this.nowMs,
      absent: this.absent,
    }
  }

  podView(server: ModelServer): PodView {
    const silent = { state: 'silent', because: 'connection refused' } as const
    return {
      pod: {
        ordinal: server.ordinal,
        name: `redis-cluster-${server.ordinal}`,
        hostname: hostnameOf(server.ordinal),
      },
      address: server.address,
      agent: server.agentUp ? { state: 'answered', facts: agentFacts(server) } : silent,
      server: server.up ? { state: 'answered', facts: this.facts(server) } : silent,
    }
  }

  facts(server: ModelServer): ServerFacts {
    const known = this.servers.filter(other => server.knows.has(other.id))
    const nodes = [
      this.line(server, server),
      ...known.map(other => this.line(server, other)),
      ...server.ghosts.map(ghostLine),
    ]
    const covered = nodes.reduce(
      (sum, node) => sum + node.slots.reduce((all, [first, last]) => all + last - first + 1, 0),
      0,
    )
    const master = this.servers.find(other => other.id === server.masterId)
    return {
      nodeId: server.id,
      nodes,
      clusterState: covered === SLOT_COUNT ? 'ok' : 'fail',
      currentEpoch: server.epoch,
      flavor: 'redis',
      version: '7.0.15',
      uptimeMs: server.uptimeMs,
      keys: server.keys,
      replication: {
        role: server.masterId ? 'replica' : 'master',
        masterHost: master?.address ?? '',
        masterPort: master ? 6379 : 0,
        linkUp: server.linkUp && master?.up === true,
        syncing: false,
        offset: server.offset,
        replicas: [],
      },
      settings: {
        nodeTimeoutMs: server.nodeTimeoutMs,
        disklessSyncDelayS: 0,
        replicaNoFailover: server.noFailover,
      },
    }
  }

  private line(viewer: ModelServer, node: ModelServer): ClusterNode {
    const flags = new Set<NodeFlag>([node.masterId ? 'replica' : 'master'])
    if (viewer === node) flags.add('myself')
    else if (!node.up) flags.add('fail?')
    const believed = viewer === node ? node.address : (viewer.knows.get(node.id) ?? '')
    return {
      id: node.id,
      ip: believed,
      port: 6379,
      busPort: 16379,
      hostname: hostnameOf(node.ordinal),
      flags,
      role: node.masterId ? 'replica' : 'master',
      masterId: node.masterId,
      configEpoch: node.epoch,
      linked: viewer === node || (node.up && believed === node.address),
      pingSentMs: 0,
      pongReceivedMs: 0,
      slots: node.slots,
      migrating: [],
      importing: [],
    }
  }
}

const blankServer = (ordinal: number, pods: number): ModelServer => ({
  id: modelId(ordinal + 1),
  ordinal,
  address: `10.0.0.${ordinal + 1}`,
  up: true,
  agentUp: true,
  node: `node-${ordinal % Math.min(3, pods)}`,
  zone: '',
  slots: [],
  masterId: null,
  epoch: 0,
  keys: 0,
  offset: 0,
  uptimeMs: 5000,
  nodeTimeoutMs: 5000,
  noFailover: false,
  linkUp: false,
  knows: new Map(),
  ghosts: [],
})

const agentFacts = (server: ModelServer): AgentFacts => ({
  pod: `redis-cluster-${server.ordinal}`,
  hostname: hostnameOf(server.ordinal),
  ordinal: server.ordinal,
  nodeId: server.id,
  podUid: `uid-${server.ordinal}`,
  node: server.node,
  zone: server.zone,
  revision: '',
  terminating: false,
  paused: false,
  gateOpenMs: 1000,
  gateBecause: 'open',
})

const ghostLine = (ghost: ModelGhost): ClusterNode => ({
  id: ghost.id,
  ip: '',
  port: 6379,
  busPort: 16379,
  hostname: ghost.hostname,
  flags: new Set<NodeFlag>(['master', 'fail']),
  role: 'master',
  masterId: null,
  configEpoch: 0,
  linked: ghost.linked,
  pingSentMs: 0,
  pongReceivedMs: 0,
  slots: ghost.slots,
  migrating: [],
  importing: [],
})
