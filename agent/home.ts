import { answered } from './cluster/members.ts'
import { isUsedUp } from './cluster/lost-shards.ts'
import type { NodeId } from './cluster/node-id.ts'
import type { SlotRange } from './cluster/slots.ts'
import type { ClusterView, Wish } from './cluster/view.ts'
import type { Config } from './config.ts'
import { answerFix } from './fix.ts'
import type { Cycle } from './loop.ts'

/**
 * Where the coordinator learns what is wanted, whether it may act, and tells what it sees: the
 * Kubernetes API, or nothing but the settings.
 */
export type Home = {
  /** Whether this agent would coordinate; asked for in every cycle. */
  want(wanted: boolean): void
  /** Whether an action on the whole cluster may be started at this moment. */
  mayAct(): boolean
  /** It would coordinate, and the API has not answered for so long that another one should. */
  isAway(): boolean
  /** What is wanted, or a sentence saying why nobody knows at present. */
  wish(): Wish | string
  /** Silent nodes that no process can run, by the API's proof, and since when. */
  absences(view: ClusterView): ReadonlyMap<NodeId, number>
  /** Told of every cycle of the coordinator. */
  onCycle(cycle: Cycle<ClusterView>): void
  /** Asked for by people; answers with a sentence. */
  pause(paused: boolean): Promise<string>
  fix(acceptDataLoss: boolean): Promise<string>
  /** Works until the signal; then gives back what it holds. */
  run(signal: AbortSignal): Promise<void>
}

/** What the settings alone ask for. */
export const wishOf = (config: Config): Wish => ({
  pods: config.pods,
  replicasPerMaster: config.replicasPerMaster,
  masters: null,
  paused: false,
  port: config.redisPort,
  nodeTimeoutMs: config.nodeTimeoutMs,
  disklessSyncDelayS: 0,
  goneAfterMs: config.goneAfterMs,
  acceptDataLoss: null,
  api: 'off',
})

/** Without the API the settings are the wish, the lowest living ordinal acts, and nobody is told. */
export function createHomeAlone(config: Config): Home {
  let accepted: readonly SlotRange[] | null = null
  let view: ClusterView | null = null
  const wish = (): Wish => ({ ...wishOf(config), acceptDataLoss: accepted })
  const needsApi = (what: string) =>
    Promise.resolve(`${what} needs the Kubernetes API, and KUBERNETES is off; nothing was changed`)
  return {
    want: () => undefined,
    mayAct: () => true,
    isAway: () => false,
    wish,
    absences: () => new Map(),
    onCycle: cycle => {
      view = cycle.view
      if (view && accepted && isUsedUp(accepted, answered(view))) accepted = null
    },
    pause: paused => needsApi(paused ? 'pausing' : 'resuming'),
    fix: async acceptDataLoss => {
      const { text, accepts } = answerFix(view, wish(), acceptDataLoss)
      accepted = accepts ?? accepted
      return accepts ? `${text}; if this agent is started again before it is done, ask again` : text
    },
    run: () => Promise.resolve(),
  }
}
