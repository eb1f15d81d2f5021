import type { Plan } from './action.ts'
import type { ClusterView, PodRulesView, Wish } from '../cluster/view.ts'
import type { Member } from '../cluster/members.ts'

/** What every rule of the coordinator looks at: the view, and what follows from it, worked out once. */
export type Situation = {
  readonly view: ClusterView
  readonly wish: Wish
  /** Pods whose server answered. */
  readonly members: readonly Member[]
  /** Those of them that are the cluster: acquainted, around those that own slots. */
  readonly group: readonly Member[]
  /** Ordinals below the wished number whose server did not answer, with the reason. */
  readonly missing: readonly { readonly name: string; readonly because: string }[]
}

/** A rule of the coordinator: a plan if the situation is its own, else null. */
export type ClusterRule = (situation: Situation) => Plan | null

/** A rule that every agent follows for its own pod. */
export type PodRule = (view: PodRulesView, wish: Wish) => Plan | null
