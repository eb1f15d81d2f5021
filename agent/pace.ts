import type { Plan } from './plan/action.ts'

/** A minute of looking often; whatever lasts longer is looked at once a second. */
const FAST_FOR_MS = 60_000
const STUCK_AFTER_MS = 2000

/**
 * Milliseconds until the coordinator's next cycle. A cycle over many pods costs more, so the calm
 * ones come less often then.
 */
export function clusterPace(plan: Plan | null, sinceChangeMs: number, pods: number): number {
  if (plan === null) return 500
  const crowd = Math.max(1, pods / 30)
  // What did not help for seconds may not help at all: it is tried again, slowly.
  const isStuck = sinceChangeMs > STUCK_AFTER_MS
  if (plan.actions.length > 0) return (isStuck ? 1000 : 25) * crowd
  switch (plan.phase) {
    case 'ok':
      return 2000 * crowd
    case 'paused':
    case 'blocked':
      return 1000
    case 'waiting':
    case 'forming':
    case 'joining':
    case 'healing':
      return (sinceChangeMs < FAST_FOR_MS ? 50 : 1000) * crowd
    case 'degraded':
      return (sinceChangeMs < FAST_FOR_MS ? 250 : 1000) * crowd
  }
}

/** The same for an agent and its own pod: fast after a start and while something is wrong. */
export function podPace(plan: Plan | null, sinceChangeMs: number, upMs: number): number {
  if (plan === null) return 1000
  if (plan.actions.length > 0) return sinceChangeMs > STUCK_AFTER_MS ? 1000 : 100
  const busy = plan.phase !== 'ok' && plan.phase !== 'paused'
  return (busy && sinceChangeMs < FAST_FOR_MS) || upMs < 10_000 ? 100 : 1000
}
