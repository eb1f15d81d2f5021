import type { ClusterView, Wish } from '../cluster/view.ts'
import type { Config } from '../config.ts'
import { wishOf, type Home } from '../home.ts'
import type { Log } from '../log.ts'
import type { Cycle } from '../loop.ts'
import type { Api, EventObject } from './api.ts'
import { createEventRecorder, type EventReason } from './events.ts'
import { createFreshLabels } from './fresh-labels.ts'
import { labelPatches, podRoles } from './labels.ts'
import { createLeadership } from './lease.ts'
import { createKubernetesWatch, type KubernetesView } from './poll.ts'
import { pausedAnnotation, readWish } from './wish.ts'
import { happenings, unsettledBy, type Unsettled } from './happenings.ts'

export type HomeDeps = { readonly config: Config; readonly log: Log; readonly api: Api }

/**
 * The Kubernetes API as the coordinator's home: a Lease so that two views of the network never make
 * two coordinators, the StatefulSet for the wish, labels and events for people. While the API does
 * not answer the coordinator does nothing to the cluster; every agent goes on healing its own pod.
 */
export function createKubernetesHome({ config, log, api }: HomeDeps): Home {
  const nowMs = () => performance.now()
  const leadership = createLeadership(api, { holder: `${config.podName}_${config.podUid}`, nowMs })
  const watch = createKubernetesWatch(api, { nowMs })
  const events = createEventRecorder(api, { nowMs })
  const fresh = createFreshLabels(nowMs)
  const ended = new AbortController()
  let isWanted = false
  let isAway: boolean | null = null
  let ignored = ''
  let toldIgnored = ''
  let labelling = false
  let previous: ClusterView | null = null
  let previousPhase = ''
  let unsettled: Unsettled = null

  function noteRound(view: KubernetesView): void {
    if (isAway === (view.state === 'away')) return
    isAway = view.state === 'away'
    if (view.state === 'away') log.warn('api.away', { because: view.because })
    else log.info('api.answered')
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
      api: 'answered',
    }
  }

  async function label(view: ClusterView, kubernetes: KubernetesView): Promise<void> {
    if (kubernetes.state === 'away' || labelling) return
    labelling = true
    try {
      const pods = fresh.apply(kubernetes.pods, kubernetes.atMs)
      for (const { pod, labels } of labelPatches(pods, podRoles(view))) {
        await api.labelPod(pod, labels, ended.signal)
        fresh.note(pod.uid, labels)
        log.info('label.changed', { of: pod.name, labels })
      }
    } catch (error) {
      log.debug('api.refused', { because: String(error) })
    } finally {
      labelling = false
    }
  }

  async function tell(object: EventObject, reason: EventReason, message: string): Promise<void> {
    try {
      await events.tell(object, reason, message, ended.signal)
      log.info('event.told', { reason, message })
    } catch (error) {
      log.debug('api.refused', { because: String(error) })
    }
  }

  async function tellAll({ view, plan }: Cycle<ClusterView>, kubernetes: KubernetesView) {
    if (!view || !plan || kubernetes.state === 'away' || kubernetes.statefulSet === 'gone') return
    const before = { view: previous, phase: previousPhase, unsettled }
    previous = view
    previousPhase = plan.phase
    unsettled = unsettledBy(unsettled, plan.phase)
    const set = { kind: 'StatefulSet', name: config.statefulSet, uid: kubernetes.statefulSet.uid }
    for (const { reason, message } of happenings(before, { view, plan }))
      await tell({ ...set, kind: 'StatefulSet' }, reason, message)
    if (ignored !== toldIgnored && ignored !== '')
      await tell({ ...set, kind: 'StatefulSet' }, 'BadAnnotation', ignored)
    toldIgnored = ignored
  }

  return {
    want: wanted => {
      isWanted = wanted
      leadership.want(wanted)
    },
    mayAct: () => leadership.mayAct(),
    wish,
    onCycle: cycle => {
      const kubernetes = watch.latest()
      if (!leadership.mayAct() || !cycle.view) return
      void label(cycle.view, kubernetes)
      void tellAll(cycle, kubernetes)
    },
    pause: async paused => {
      await api.annotate({ [pausedAnnotation]: paused ? 'true' : null }, ended.signal)
      return paused ? 'paused: every plan stops' : 'resumed: plans go on'
    },
    fix: () => Promise.resolve('nothing is broken that only a person may decide'),
    run: async signal => {
      const leading = leadership.campaign(signal)
      while (!signal.aborted) {
        if (isWanted) noteRound(await watch.poll(signal))
        await pause(isWanted ? 2000 : 200, signal)
      }
      ended.abort()
      await leading
      api.close()
    },
  }
}

/** Waits that long, or until the signal. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
