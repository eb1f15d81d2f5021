import type { Phase } from '../plan/action.ts'
import type { Readiness } from '../cluster/readiness.ts'
import type { AgentFacts, ClusterView, ServerView } from '../cluster/view.ts'

/** What the coordinator is busy with, and for how long. */
export type ClusterProgress = {
  readonly phase: Phase
  readonly because: string
  readonly phaseMs: number
  /** The actions of the newest plan, as `describe` words them. */
  readonly plan: readonly string[]
}

/**
 * What an agent knows at this moment, for its probes, metrics and status. Taken anew for every
 * request, so it holds references to what the loop knows anyway and computes nothing.
 */
export type AgentSnapshot = {
  readonly agent: AgentFacts
  /** Since the last finished cycle; null before the first. */
  readonly loopAgeMs: number | null
  /** Name of the pod whose agent coordinates; null where no agent was found yet. */
  readonly coordinator: string | null
  readonly isCoordinator: boolean
  /** Null while this agent does not coordinate. */
  readonly cluster: ClusterProgress | null
  readonly pod: { readonly phase: Phase; readonly because: string }
  readonly server: ServerView
  readonly ready: Readiness
  /** What the coordinator saw in its newest cycle; null while this agent does not coordinate. */
  readonly view: ClusterView | null
  /** Slots whose every copy is gone, and nodes in the table that are none of our pods. */
  readonly lostSlots: number
  readonly foreignNodes: number
}
