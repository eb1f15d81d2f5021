import type { Dataset } from './dataset.ts'
import type { ClusterNode } from './nodes.ts'
import type { NodeId } from './node-id.ts'
import type { SlotRange } from './slots.ts'

/** A pod's lasting identity. Never its address: that changes at every restart. */
export type Pod = {
  readonly ordinal: number
  /** `redis-cluster-0` */
  readonly name: string
  /** Full name, `redis-cluster-0.redis-cluster.default.svc.cluster.local`, no dot at the end. */
  readonly hostname: string
}

/** What an agent says about its own pod; part of `/status`, so both ends must agree on it. */
export type AgentFacts = {
  readonly pod: string
  readonly hostname: string
  readonly ordinal: number
  /** The id of the server in this pod, or of its nodes.conf while the server does not run. */
  readonly nodeId: NodeId | null
  readonly podUid: string
  /** The Kubernetes node, its zone and the StatefulSet revision; empty where unknown. */
  readonly node: string
  readonly zone: string
  readonly revision: string
  readonly terminating: boolean
  readonly paused: boolean
  /** Milliseconds since the server process was last allowed to start; null while the gate is closed. */
  readonly gateOpenMs: number | null
  readonly gateBecause: string
  /** It would coordinate, and the Kubernetes API has not answered it for a while. */
  readonly apiAway?: boolean
  /** What lies in DATA_DIR, while the gate is closed. */
  readonly dataset?: Dataset
}

export type AgentView =
  | { readonly state: 'answered'; readonly facts: AgentFacts }
  | { readonly state: 'silent'; readonly because: string }

/** What one server says about itself and about the cluster as it sees it. */
export type ServerFacts = {
  readonly nodeId: NodeId
  /** CLUSTER NODES of this server, its own line among them. */
  readonly nodes: readonly ClusterNode[]
  readonly clusterState: 'ok' | 'fail'
  readonly currentEpoch: number
  readonly flavor: 'redis' | 'valkey'
  readonly version: string
  readonly uptimeMs: number
  /** Keys in all databases. */
  readonly keys: number
  readonly replication: Replication
  readonly settings: ServerSettings
}

/** INFO replication. Offsets in bytes of the replication stream. */
export type Replication = {
  readonly role: 'master' | 'replica'
  /** For a replica: where it replicates from, and whether that link is up. */
  readonly masterHost: string
  readonly masterPort: number
  readonly linkUp: boolean
  readonly syncing: boolean
  readonly offset: number
  readonly replicas: readonly {
    readonly ip: string
    readonly port: number
    readonly online: boolean
    readonly offset: number
  }[]
}

/** The settings that an agent lowers for a while, and so must see to put them back. */
export type ServerSettings = {
  readonly nodeTimeoutMs: number
  readonly disklessSyncDelayS: number
  readonly replicaNoFailover: boolean
}

export type ServerView =
  | { readonly state: 'answered'; readonly facts: ServerFacts }
  /** It answers, and says that it is loading its dataset. */
  | { readonly state: 'loading'; readonly because: string }
  /** It answers, and no agent can work with it: no cluster mode, a password we lack, too old. */
  | { readonly state: 'unusable'; readonly because: string }
  | { readonly state: 'silent'; readonly because: string }

export type PodView = {
  readonly pod: Pod
  /** What DNS says now; null if it has no record of the pod, or could not be asked. */
  readonly address: string | null
  readonly agent: AgentView
  readonly server: ServerView
}

/** All that the coordinator knows in one cycle. */
export type ClusterView = {
  /** Ordinals 0 .. expected-1, and any above that DNS still names, in ascending order. */
  readonly pods: readonly PodView[]
  /** Why DNS could not be asked; null while it answers. A failure is never "no peers". */
  readonly dnsFailure: string | null
  /** Monotonic clock of the observer, milliseconds. */
  readonly nowMs: number
  /** Silent nodes that no process can run, by the API's proof, and since when on that clock. */
  readonly absent?: ReadonlyMap<NodeId, number>
}

/** Looking after one's own pod needs its own server's view, and who lives where its peers should be. */
export type PodRulesView = {
  readonly own: PodView
  /** For the nodes whose link or address is in doubt: the address of their hostname, and who answered there. */
  readonly peers: readonly {
    readonly hostname: string
    readonly address: string
    readonly nodeId: NodeId | null
  }[]
  readonly nowMs: number
}

/** What people and manifests ask for. */
export type Wish = {
  /** Pods that the StatefulSet should have. */
  readonly pods: number
  readonly replicasPerMaster: number
  /** The annotation `redis-cluster-agent/masters`; null if there is none. */
  readonly masters: number | null
  readonly paused: boolean
  readonly port: number
  readonly nodeTimeoutMs: number
  readonly disklessSyncDelayS: number
  /** How long a node must be proven absent before its shard is given to another one without it. */
  readonly goneAfterMs: number
  /** Slots whose data a person gave up, by naming them. */
  readonly acceptDataLoss: readonly SlotRange[] | null
  /** Whether the API was asked and answered this cycle, or is not used at all. */
  readonly api: 'off' | 'answered' | 'away'
}

/** The facts of a pod's server if it answered, else undefined. */
export const serverOf = (pod: PodView): ServerFacts | undefined =>
  pod.server.state === 'answered' ? pod.server.facts : undefined

/** The facts of a pod's agent if it answered, else undefined. */
export const agentOf = (pod: PodView): AgentFacts | undefined =>
  pod.agent.state === 'answered' ? pod.agent.facts : undefined
