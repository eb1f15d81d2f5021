import type { Dataset } from '../../cluster/dataset.ts'
import type { NodesConf } from '../../cluster/nodes-conf.ts'
import type { PodView } from '../../cluster/view.ts'

/** All that the gate knows when it decides whether the server of its pod may start. */
export type GateFacts = {
  readonly nodesConf: NodesConf
  readonly dataset: Dataset
  /** Its append-only files are whole and hold no key: the server had none when it ended. */
  readonly wasEmpty?: boolean
  readonly own: { readonly hostname: string; readonly ip: string }
  /** What was asked of every other pod; one that did not answer stands here too. */
  readonly peers: readonly PodView[]
  /** Whether every pod that there is stands there; not if DNS failed to say which there are. */
  readonly areNamed: boolean
  /** Whether the agent has just asked a replica to take over from this pod's dead server. */
  readonly handoverUnderWay: boolean
  readonly waitedMs: number
  readonly nodeTimeoutMs: number
  /** How many times in a row the server was started and never answered. */
  readonly failedStarts: number
}

/** What becomes of nodes.conf. `plain`: rewritten, and without fields that an older server may refuse. */
export type ConfChange = 'keep' | 'rewrite' | 'plain' | 'salvage' | 'blank'

/** A part of the volume that is renamed, never deleted. */
export type SetAside = 'nodes.conf' | 'dataset'

/** `because` is one sentence with the facts that decided. */
export type GateDecision =
  | {
      readonly open: true
      readonly because: string
      readonly nodesConf: ConfChange
      readonly setAside: readonly SetAside[]
    }
  | {
      readonly open: false
      readonly because: string
      /** The pod, by full name, whose replica should take over now (CLUSTER FAILOVER FORCE). */
      readonly takeOverBy: string | null
      /** Nothing will change unless a person does something. */
      readonly needsPerson: boolean
    }

/** A decision if the situation is the rule's own, else null. */
export type GateRule = (facts: GateFacts) => GateDecision | null

/** The server may start. */
export const opened = (
  because: string,
  nodesConf: ConfChange,
  setAside: readonly SetAside[] = [],
): GateDecision => ({ open: true, because, nodesConf, setAside })

/** The server has to wait, for something that comes by itself. */
export const held = (because: string, takeOverBy: string | null = null): GateDecision => ({
  open: false,
  because,
  takeOverBy,
  needsPerson: false,
})

/** The server has to wait until a person has done what the sentence says. */
export const stuck = (because: string): GateDecision => ({
  open: false,
  because,
  takeOverBy: null,
  needsPerson: true,
})
