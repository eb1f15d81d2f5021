import { randomUUID } from 'node:crypto'
import { textOf, type Json, type JsonObject } from './answer.ts'

/** How a pod is to look; what is left out stays as it was, or takes the default of a new pod. */
export type PodState = {
  readonly ordinal: number
  /** Another uid than before makes it another pod: it starts without the labels of the old one. */
  readonly uid?: string
  readonly ip?: string
  readonly node?: string
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly ready?: boolean
  readonly revision?: string
  /** Gives it a deletionTimestamp, `graceSeconds` from now, for good. */
  readonly terminating?: boolean
  readonly graceSeconds?: number
}

/** metav1.Time: seconds. */
const timeText = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z')

/** Which StatefulSet the objects belong to. */
export type Owner = {
  readonly namespace: string
  readonly statefulSet: string
  readonly uid: string
  /** `spec.selector.matchLabels`, which every pod carries. */
  readonly labels: JsonObject
}

const revisionOf = (owner: Owner): string => `${owner.statefulSet}-5c9bd7f7d4`

/** A StatefulSet as the API shows it, without what no agent looks at. */
export function newStatefulSet(owner: Owner, replicas: number): JsonObject {
  const { namespace, statefulSet: name, uid, labels } = owner
  return {
    kind: 'StatefulSet',
    apiVersion: 'apps/v1',
    metadata: {
      name,
      namespace,
      uid,
      generation: 1,
      creationTimestamp: timeText(Date.now()),
      annotations: {},
    },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      serviceName: name,
      podManagementPolicy: 'Parallel',
    },
    status: {
      observedGeneration: 1,
      replicas,
      readyReplicas: replicas,
      currentReplicas: replicas,
      updatedReplicas: replicas,
      currentRevision: revisionOf(owner),
      updateRevision: revisionOf(owner),
      collisionCount: 0,
      availableReplicas: replicas,
    },
  }
}

type Known = { readonly metadata: JsonObject; readonly state: Required<PodState> }

/** A pod that was made by `podObject`, taken apart again. */
function known(pod: JsonObject | undefined, ordinal: number, owner: Owner): Known | null {
  if (!pod) return null
  const { metadata, spec, status } = pod as {
    metadata: JsonObject
    spec: { nodeName: string }
    status: { phase: Required<PodState>['phase']; podIP?: string; conditions: JsonObject[] }
  }
  const labels = metadata['labels'] as Record<string, string>
  return {
    metadata,
    state: {
      ordinal,
      uid: textOf(metadata['uid']),
      ip: status.podIP ?? '',
      node: spec.nodeName,
      phase: status.phase,
      ready: status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      revision: labels['controller-revision-hash'] ?? revisionOf(owner),
      terminating: metadata['deletionTimestamp'] !== undefined,
      graceSeconds: Number(metadata['deletionGracePeriodSeconds'] ?? 30),
    },
  }
}

/** The pod in its new state; `before` is the pod of that name until now. */
export function podObject(
  owner: Owner,
  before: JsonObject | undefined,
  change: PodState,
): JsonObject {
  const { statefulSet, namespace } = owner
  const { ordinal } = change
  const old = known(before, ordinal, owner)
  const same = old && (change.uid === undefined || change.uid === old.state.uid) ? old : null
  const fresh: Required<PodState> = {
    ordinal,
    uid: randomUUID(),
    ip: '',
    node: 'node1',
    phase: 'Running',
    ready: false,
    revision: revisionOf(owner),
    terminating: false,
    graceSeconds: 30,
  }
  const state = { ...(same?.state ?? fresh), ...change }
  const name = `${statefulSet}-${ordinal}`
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      generateName: `${statefulSet}-`,
      namespace,
      uid: state.uid,
      generation: state.terminating ? 2 : 1,
      creationTimestamp: same?.metadata['creationTimestamp'] ?? timeText(Date.now()),
      ...(state.terminating ? deletion(same, state.graceSeconds) : {}),
      labels: {
        ...(same?.metadata['labels'] as JsonObject | undefined),
        ...owner.labels,
        'apps.kubernetes.io/pod-index': `${ordinal}`,
        'controller-revision-hash': state.revision,
        'statefulset.kubernetes.io/pod-name': name,
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          name: statefulSet,
          uid: owner.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: state.graceSeconds,
      nodeName: state.node,
      hostname: name,
      subdomain: statefulSet,
    },
    status: podStatus(state),
  }
}

/** A deletion is dated once: a second one does not move it. */
function deletion(same: Known | null, graceSeconds: number): JsonObject {
  const dated = same?.metadata['deletionTimestamp']
  return {
    deletionTimestamp: dated ?? timeText(Date.now() + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  }
}

function podStatus({ ip, phase, ready, terminating }: Required<PodState>): JsonObject {
  const generation = terminating ? 2 : 1
  const now = timeText(Date.now())
  const condition = (type: string, holds: boolean): Json => ({
    type,
    observedGeneration: generation,
    status: holds ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: now,
  })
  return {
    observedGeneration: generation,
    phase,
    conditions: [
      condition('PodReadyToStartContainers', ip !== ''),
      condition('Initialized', ip !== ''),
      condition('Ready', ready),
      condition('ContainersReady', ready),
      condition('PodScheduled', true),
    ],
    hostIP: '10.244.0.1',
    hostIPs: [{ ip: '10.244.0.1' }],
    ...(ip === '' ? {} : { podIP: ip, podIPs: [{ ip }] }),
    startTime: now,
    qosClass: 'BestEffort',
  }
}
