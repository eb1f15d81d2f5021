import type { AgentCommand } from './agent-command.ts'
import type { Environment } from './process.ts'

/** What a cluster of this machine is made of. */
export type ClusterOptions = {
  /** Folder for volumes and logs. */
  readonly dir: string
  /** The server's program. */
  readonly server: string
  readonly agent: AgentCommand
  readonly pods: number
  readonly replicasPerMaster: number
  /** How many Kubernetes nodes the pods are spread over, round robin. */
  readonly nodes: number
  /** Whether the agents use the Kubernetes API, which is then stood in for. */
  readonly kubernetes: 'on' | 'off'
  /** More environment for every pod; wins over what the stand-in sets. */
  readonly env: Environment
  /** The ConfigMap's redis.conf, after `bind <POD_IP>`. */
  readonly redisConf: string
  /** terminationGracePeriodSeconds. */
  readonly graceMs: number
  /** What happens, as sentences. */
  readonly tell: (line: string) => void
}

/** What must be given; all else has a default. */
export type ClusterWish = Pick<ClusterOptions, 'dir' | 'server' | 'agent'> & Partial<ClusterOptions>

/** The options with the defaults filled in. */
export const withDefaults = (wish: ClusterWish): ClusterOptions => ({
  pods: 6,
  replicasPerMaster: 1,
  nodes: 3,
  kubernetes: 'on',
  env: {},
  redisConf: '',
  graceMs: 3600_000,
  tell: () => undefined,
  ...wish,
})
