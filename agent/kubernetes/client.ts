import type { ConfigurationOptions, V1Lease } from '@kubernetes/client-node'
import type { Api, EventRecord, LeaseRecord } from './api.ts'
import { ApiError, apiErrorKind, type ApiCall } from './api-error.ts'
import { createCaller } from './call.ts'
import { agentName, connect, perCall, type Connection, type Library } from './connection.ts'
import { createCredentials } from './credentials.ts'
import { leaseFacts, podFacts, selectorOf, statefulSetFacts } from './facts.ts'

/** Where the API is, and what we are there. */
export type ClientOptions = {
  readonly namespace: string
  readonly statefulSet: string
  /** This pod's name, shown with events. */
  readonly podName: string
  readonly serviceAccountDir: string
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which kubelet sets in every container. */
  readonly host: string
  readonly port: string
  /** Monotonic clock, milliseconds. */
  readonly nowMs: () => number
  /** Longest time that a call may take. */
  readonly timeoutMs?: number
}

/**
 * The Kubernetes API by client-node. The library is loaded at the first call: it costs 30 MB, which
 * only the agent that coordinates pays.
 */
export function createKubernetesClient(options: ClientOptions): Api {
  const { namespace, statefulSet, podName, nowMs } = options
  const credentials = createCredentials(options.serviceAccountDir)
  const caller = createCaller({ timeoutMs: options.timeoutMs ?? 3000, nowMs })
  let connection: Promise<Connection> | null = null
  let selector: string | null = null

  async function call<T>(
    what: ApiCall,
    signal: AbortSignal,
    ask: (connection: Connection, options: ConfigurationOptions) => Promise<T>,
  ): Promise<T> {
    connection ??= connect(options.host, options.port, credentials)
    // Loading takes seconds on a Pi; it must not count as an API that does not answer.
    const loaded = await connection
    return caller(what, signal, boxed => ask(loaded, perCall(loaded.library, what, boxed)))
  }

  const readStatefulSet: Api['readStatefulSet'] = async signal => {
    try {
      const set = await call(on('get', 'statefulsets', statefulSet), signal, ({ apps }, per) =>
        apps.readNamespacedStatefulSet({ name: statefulSet, namespace }, per),
      )
      selector = selectorOf(set)
      return statefulSetFacts(set)
    } catch (error) {
      if (apiErrorKind(error) === 'gone') return 'gone'
      throw error
    }
  }

  return {
    readStatefulSet,
    listPods: async signal => {
      // The StatefulSet's selector cannot change during its life; a new one is read by the next poll.
      if (selector === null) await readStatefulSet(signal)
      const labelSelector = selector
      if (labelSelector === null) return []
      const list = await call(on('list', 'pods', ''), signal, ({ core }, per) =>
        core.listNamespacedPod({ namespace, labelSelector }, per),
      )
      return list.items
        .flatMap(pod => podFacts(pod, statefulSet) ?? [])
        .sort((a, b) => a.ordinal - b.ordinal)
    },
    labelPod: async (pod, labels, signal) => {
      const body = { metadata: { uid: pod.uid, labels } }
      try {
        await call(on('patch', 'pods', pod.name), signal, ({ core }, per) =>
          core.patchNamespacedPod(
            { name: pod.name, namespace, body, fieldManager: agentName },
            per,
          ),
        )
      } catch (error) {
        throw asConflict(error)
      }
    },
    annotate: async (annotations, signal) => {
      const body = { metadata: { annotations } }
      await call(on('patch', 'statefulsets', statefulSet), signal, ({ apps }, per) =>
        apps.patchNamespacedStatefulSet(
          { name: statefulSet, namespace, body, fieldManager: agentName },
          per,
        ),
      )
    },
    recordEvent: async (event, signal) => {
      const body = eventBody(event, namespace, podName)
      await call(on('create', 'events', ''), signal, ({ core }, per) =>
        core.createNamespacedEvent({ namespace, body, fieldManager: agentName }, per),
      )
    },
    repeatEvent: async (name, count, atMs, signal) => {
      const body = { count, lastTimestamp: toTime(atMs) }
      await call(on('patch', 'events', name), signal, ({ core }, per) =>
        core.patchNamespacedEvent({ name, namespace, body, fieldManager: agentName }, per),
      )
    },
    ...leaseCalls({ namespace, name: statefulSet }, call),
    close: () => credentials.close(),
  }
}

/** The API calls another pod of that name a uid that cannot be changed, and answers 422. */
function asConflict(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.status !== 422) return error
  if (!error.message.includes('metadata.uid')) return error
  return new ApiError('conflict', error.status, error.message, { cause: error })
}

type Call = <T>(
  what: ApiCall,
  signal: AbortSignal,
  ask: (connection: Connection, options: ConfigurationOptions) => Promise<T>,
) => Promise<T>

function leaseCalls(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  call: Call,
): Pick<Api, 'readLease' | 'createLease' | 'replaceLease'> {
  const bodyOf = (library: Library, record: LeaseRecord, version?: string): V1Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, ...(version === undefined ? {} : { resourceVersion: version }) },
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.durationSeconds,
      // The API refuses a MicroTime without six decimals (400); V1MicroTime writes them.
      acquireTime: new library.V1MicroTime(record.acquiredAtMs),
      renewTime: new library.V1MicroTime(record.renewedAtMs),
      leaseTransitions: record.transitions,
    },
  })
  return {
    readLease: async signal => {
      try {
        const lease = await call(on('get', 'leases', name), signal, ({ coordination }, per) =>
          coordination.readNamespacedLease({ name, namespace }, per),
        )
        return leaseFacts(lease)
      } catch (error) {
        if (apiErrorKind(error) === 'gone') return 'gone'
        throw error
      }
    },
    createLease: async (record, signal) =>
      leaseFacts(
        await call(on('create', 'leases', ''), signal, ({ coordination, library }, per) =>
          coordination.createNamespacedLease({ namespace, body: bodyOf(library, record) }, per),
        ),
      ),
    replaceLease: async (record, version, signal) =>
      leaseFacts(
        await call(on('update', 'leases', name), signal, ({ coordination, library }, per) =>
          coordination.replaceNamespacedLease(
            { name, namespace, body: bodyOf(library, record, version) },
            per,
          ),
        ),
      ),
  }
}

const groups = {
  statefulsets: 'apps',
  leases: 'coordination.k8s.io',
  pods: '',
  events: '',
} as const

const on = (verb: ApiCall['verb'], resource: ApiCall['resource'], name: string): ApiCall => ({
  verb,
  resource,
  group: groups[resource],
  name,
})

/** metav1.Time has seconds only. */
const toTime = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z')

function eventBody(event: EventRecord, namespace: string, instance: string) {
  const { kind, name, uid } = event.object
  const apiVersion = kind === 'Pod' ? 'v1' : 'apps/v1'
  const at = new Date(toTime(event.atMs))
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: event.name, namespace },
    involvedObject: { apiVersion, kind, name, namespace, uid },
    reason: event.reason,
    message: event.message,
    type: event.type,
    source: { component: agentName },
    reportingComponent: agentName,
    reportingInstance: instance,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }
}
