import type { V1Lease, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
import type { LeaseFacts, PodFacts, StatefulSetFacts } from './api.ts'

/** The facts of a StatefulSet as client-node has read it. */
export const statefulSetFacts = (set: V1StatefulSet): StatefulSetFacts => ({
  uid: set.metadata?.uid ?? '',
  // The API fills in 1 where a manifest gives none.
  replicas: set.spec?.replicas ?? 1,
  generation: set.metadata?.generation ?? 0,
  deleting: set.metadata?.deletionTimestamp !== undefined,
  annotations: set.metadata?.annotations ?? {},
})

/** The label selector of a StatefulSet, as a query wants it. */
export const selectorOf = (set: V1StatefulSet): string =>
  Object.entries(set.spec?.selector.matchLabels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',')

/** The facts of a pod; null if it is not one of the StatefulSet's. */
export function podFacts(pod: V1Pod, statefulSet: string): PodFacts | null {
  const name = pod.metadata?.name ?? ''
  const ordinal = /^(\d+)$/.exec(name.slice(statefulSet.length + 1))?.[1]
  if (!name.startsWith(`${statefulSet}-`) || ordinal === undefined) return null
  const deletion = pod.metadata?.deletionTimestamp
  const labels = pod.metadata?.labels ?? {}
  return {
    name,
    ordinal: Number(ordinal),
    uid: pod.metadata?.uid ?? '',
    phase: pod.status?.phase ?? 'Unknown',
    terminating: deletion !== undefined,
    deletionTimestampMs: deletion?.getTime() ?? null,
    ready:
      pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
      false,
    node: pod.spec?.nodeName ?? '',
    revision: labels['controller-revision-hash'] ?? '',
    labels,
    ip: pod.status?.podIP ?? '',
  }
}

/** client-node 1.4 declares a V1MicroTime and hands over the text as it came; both become a time. */
const msOf = (time: Date | string | undefined): number =>
  time === undefined ? 0 : new Date(time).getTime()

/** The facts of a Lease; a field that nobody wrote is empty or 0. */
export const leaseFacts = (lease: V1Lease): LeaseFacts => ({
  holder: lease.spec?.holderIdentity ?? '',
  durationSeconds: lease.spec?.leaseDurationSeconds ?? 0,
  acquiredAtMs: msOf(lease.spec?.acquireTime),
  renewedAtMs: msOf(lease.spec?.renewTime),
  transitions: lease.spec?.leaseTransitions ?? 0,
  version: lease.metadata?.resourceVersion ?? '',
})
