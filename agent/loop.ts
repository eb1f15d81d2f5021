import { setTimeout as sleep } from 'node:timers/promises'
import { describe, type Action, type Outcome, type Plan } from './plan/action.ts'
import type { EventName, Log } from './log.ts'

/** A view that is older is not acted upon: meanwhile another may have become coordinator. */
const STALE_AFTER_MS = 5000

/** What one loop is made of: the pod's and the cluster's differ in nothing else. */
export type LoopDeps<View> = {
  readonly log: Log
  /** Name of the event of a changed plan. */
  readonly changed: EventName
  /** Looks; null if this agent has nothing to decide in this cycle. */
  observe(signal: AbortSignal): Promise<View | null>
  /** Decides; pure. */
  plan(view: View): Plan
  /** One sentence for each invariant that the plan would break. */
  breaches(plan: Plan, view: View): readonly string[]
  /** Whether the plan may be executed at this very moment (the Lease still holds). */
  mayAct(): boolean
  execute(actions: readonly Action[], view: View, signal: AbortSignal): Promise<readonly Outcome[]>
  /** Milliseconds until the next cycle; `sinceChangeMs` since the decision last changed. */
  pace(plan: Plan | null, sinceChangeMs: number): number
  /** Told of every cycle, for metrics, labels and status. */
  onCycle(cycle: Cycle<View>): void
}

/** What happened in one cycle. */
export type Cycle<View> = {
  readonly view: View | null
  readonly plan: Plan | null
  readonly outcomes: readonly Outcome[]
  readonly durationMs: number
}

export type Loop = {
  /** Runs until the signal aborts; one cycle at a time. */
  run(signal: AbortSignal): Promise<void>
  /** Ends the present wait. */
  wake(): void
}

/**
 * Observe, plan, execute, wait. Level, not edge: a cycle asks what is, and `wake` only ends the wait.
 * Any failure ends the cycle; the next one plans anew.
 */
export function createLoop<View>(deps: LoopDeps<View>): Loop {
  let waker = new AbortController()
  let decision = ''
  let changedAtMs = performance.now()
  let brokenBefore = ''
  let lastOutcomes = new Map<string, string>()

  const note = (plan: Plan | null): void => {
    const next = plan ? `${plan.phase} ${plan.because}` : ''
    if (next === decision) return
    decision = next
    changedAtMs = performance.now()
    if (plan)
      deps.log.info(deps.changed, {
        phase: plan.phase,
        because: plan.because,
        actions: plan.actions.slice(0, 20).map(describe),
        actionCount: plan.actions.length,
      })
  }

  /** What became of an action is told once, however often it is repeated with the same result. */
  const noteOutcomes = (outcomes: readonly Outcome[]): void => {
    const now = new Map<string, string>()
    for (const outcome of outcomes) {
      const action = describe(outcome.action)
      const result = outcome.ok ? '' : outcome.because
      now.set(action, result)
      if (lastOutcomes.get(action) === result) continue
      if (outcome.ok) deps.log.info('action.done', { action })
      else deps.log.warn('action.failed', { action, because: result })
    }
    lastOutcomes = now
  }

  const act = async (
    plan: Plan,
    view: View,
    seenMs: number,
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> => {
    if (plan.actions.length === 0) return []
    const breaches = deps.breaches(plan, view)
    if (breaches.length > 0) {
      if (brokenBefore !== breaches.join('; '))
        deps.log.error('cycle.failed', { because: 'the plan would break an invariant', breaches })
      brokenBefore = breaches.join('; ')
      return []
    }
    // Asked last of all: looking and deciding take their time, and the Lease may have ended meanwhile.
    if (!deps.mayAct() || performance.now() - seenMs > STALE_AFTER_MS) return []
    const outcomes = await deps.execute(plan.actions, view, signal)
    noteOutcomes(outcomes)
    return outcomes
  }

  const cycle = async (signal: AbortSignal): Promise<number> => {
    const startedMs = performance.now()
    const view = await deps.observe(signal)
    const plan = view === null ? null : deps.plan(view)
    note(plan)
    const outcomes = plan && view !== null ? await act(plan, view, startedMs, signal) : []
    deps.onCycle({ view, plan, outcomes, durationMs: performance.now() - startedMs })
    return deps.pace(plan, performance.now() - changedAtMs)
  }

  return {
    async run(signal) {
      // One listener for all cycles: what AbortSignal.any makes lives as long as the signal on Node 20.
      signal.addEventListener('abort', () => waker.abort(), { once: true })
      while (!signal.aborted) {
        const waitMs = await cycle(signal).catch((error: unknown) => {
          if (!signal.aborted) deps.log.warn('cycle.failed', { because: String(error) })
          return 1000
        })
        if (signal.aborted) return
        await sleep(waitMs, undefined, { signal: waker.signal }).catch(() => undefined)
        if (waker.signal.aborted && !signal.aborted) waker = new AbortController()
      }
    },
    wake: () => waker.abort(),
  }
}
