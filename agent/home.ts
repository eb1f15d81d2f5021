import type { ClusterView, Wish } from './cluster/view.ts'
import type { Config } from './config.ts'
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
  api: 'off',
})

/** Without the API the settings are the wish, the lowest living ordinal acts, and nobody is told. */
export function createHomeAlone(config: Config): Home {
  const wish = wishOf(config)
  const needsApi = (what: string) =>
    Promise.resolve(`${what} needs the Kubernetes API, and KUBERNETES is off; nothing was changed`)
  return {
    want: () => undefined,
    mayAct: () => true,
    isAway: () => false,
    wish: () => wish,
    onCycle: () => undefined,
    pause: paused => needsApi(paused ? 'pausing' : 'resuming'),
    fix: () => needsApi('fix'),
    run: () => Promise.resolve(),
  }
}
