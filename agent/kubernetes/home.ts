import type { ClusterView, Wish } from '../cluster/view.ts'
import type { Config } from '../config.ts'
import { wishOf, type Home } from '../home.ts'
import type { Log } from '../log.ts'
import type { Cycle } from '../loop.ts'
import type { Api, EventObject } from './api.ts'
import { createEventRecorder, type EventReason } from './events.ts'
import { createFailureLog } from './failures.ts'
import { createLabeller } from './labeller.ts'
import { createLeadership } from './lease.ts'
import { createLossWatch } from './loss-watch.ts'
import { pause } from './pause.ts'
import { createKubernetesWatch, type KubernetesView } from './poll.ts'
import { pausedAnnotation, readWish } from './wish.ts'
import { happenings, unsettledBy, type Unsettled } from './happenings.ts'

/** How often the API is read, by the one that coordinates. */
const POLL_MS = 2000
/** The one before may be back soon, and whoever used the API once keeps the memory that it costs. */
const PATIENCE_MS = 2000
/** As long as a lease lasts: then this one's is over, and another one may try. */
const AWAY_AFTER_MS = 6000

export type HomeDeps = { readonly config: Config; readonly log: Log; readonly api: Api }

/**
 * The Kubernetes API as the coordinator's home: a Lease so that two views of the network never make
 * two coordinators, the StatefulSet for the wish, labels and events for people. While the API does
 * not answer the coordinator does nothing to the cluster; every agent goes on healing its own pod.
 */
export function createKubernetesHome({ config, log, api }: HomeDeps): Home {
  const nowMs = () => performance.now()
  const failures = createFailureLog(log, nowMs)
  const leadership = createLeadership(api, {
    holder: `${config.podName}_${config.podUid}`,
    nowMs,
    onFailure: failures.failed,
  })
  const watch = createKubernetesWatch(api, { nowMs })
  const events = createEventRecorder(api, { nowMs })
  const labeller = createLabeller(api, {
    nowMs,
    onChange: (of, labels) => log.info('label.changed', { of, labels }),
  })
  const losses = createLossWatch(api, config)
  const ended = new AbortController()
  let waker = new AbortController()
  let calledSinceMs: number | null = null
  let isWanted = false
  let awaySinceMs: number | null = null
  let ignored = ''
  let toldIgnored = ''
  let previous: ClusterView | null = null
  let previousPhase = ''
  let unsettled: Unsettled = null

  function noteRound(view: KubernetesView): void {
    failures.read(view)
    if (view.state === 'answered') awaySinceMs = null
    else awaySinceMs ??= nowMs()
  }

  function setWanted(next: boolean): void {
    if (next === isWanted) return
    isWanted = next
    awaySinceMs = null
    leadership.want(next)
    waker.abort()
  }

  function wish(): Wish | string {
    const view = watch.latest()
    if (view.state === 'away') return view.because
    if (view.statefulSet === 'gone') return 'the StatefulSet does not exist any more'
    if (view.statefulSet.deleting) return 'the StatefulSet is being deleted'
    const asked = readWish(view.statefulSet.annotations)
    if (asked.ignored.join('; ') !== ignored) {
      ignored = asked.ignored.join('; ')
      if (ignored !== '') log.warn('api.refused', { because: ignored })
    }
    return {
      ...wishOf(config),
      pods: view.statefulSet.replicas,
      masters: asked.masters,
      paused: asked.paused,
      acceptDataLoss: asked.acceptDataLoss,
      api: 'answered',
    }
  }

  async function tell(object: EventObject, reason: EventReason, message: string): Promise<void> {
    try {
      const told = await events.tell(object, reason, message, ended.signal)
      if (told !== 'limited') log.info('event.told', { reason, message })
    } catch (error) {
      failures.failed(error)
    }
  }

  async function tellAll({ view, plan, outcomes }: Cycle<ClusterView>, kubernetes: KubernetesView) {
    if (!view || !plan || kubernetes.state === 'away' || kubernetes.statefulSet === 'gone') return
    const before = { view: previous, phase: previousPhase, unsettled }
    previous = view
    previousPhase = plan.phase
    unsettled = unsettledBy(unsettled, plan.phase)
    const set = { kind: 'StatefulSet', name: config.statefulSet, uid: kubernetes.statefulSet.uid }
    const done = outcomes.filter(({ ok }) => ok).map(({ action }) => action)
    const told = [
      ...happenings(before, { view, plan, done }),
      ...losses.happenings(view, plan, done),
    ]
    for (const { reason, message } of told)
      await tell({ ...set, kind: 'StatefulSet' }, reason, message)
    if (ignored !== toldIgnored && ignored !== '')
      await tell({ ...set, kind: 'StatefulSet' }, 'BadAnnotation', ignored)
    toldIgnored = ignored
  }

  return {
    want: called => {
      calledSinceMs = called ? (calledSinceMs ?? nowMs()) : null
      const patienceMs = config.ordinal === 0 ? 0 : PATIENCE_MS
      setWanted(calledSinceMs !== null && nowMs() - calledSinceMs >= patienceMs)
    },
    mayAct: () => leadership.mayAct(),
    isAway: () => awaySinceMs !== null && nowMs() - awaySinceMs >= AWAY_AFTER_MS,
    wish,
    onCycle: cycle => {
      const kubernetes = watch.latest()
      if (!leadership.mayAct() || !cycle.view) return losses.forget()
      labeller.label(cycle.view, kubernetes, ended.signal).catch(failures.failed)
      void tellAll(cycle, kubernetes)
      losses.tidy(cycle.view, wish(), kubernetes, ended.signal).catch(failures.failed)
    },
    absences: view => losses.absences(view, watch.latest()),
    pause: async paused => {
      await api.annotate({ [pausedAnnotation]: paused ? 'true' : null }, ended.signal)
      return paused ? 'paused: every plan stops' : 'resumed: plans go on'
    },
    fix: acceptDataLoss => losses.fix(wish(), acceptDataLoss, ended.signal),
    run: async signal => {
      const leading = leadership.campaign(signal)
      while (!signal.aborted) {
        waker = new AbortController()
        if (isWanted) noteRound(await watch.poll(signal))
        await pause(POLL_MS, [signal, waker.signal])
      }
      ended.abort()
      await leading
      api.close()
    },
  }
}
