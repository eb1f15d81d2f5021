import { randomUUID } from 'node:crypto'
import type { JsonObject } from './answer.ts'
import type { Fault } from './faults.ts'
import { createFront } from './front.ts'
import { handle } from './handle.ts'
import { createIdentity } from './identity.ts'
import { newStatefulSet, podObject, type Owner, type PodState } from './objects.ts'
import { mergePatch } from './patch.ts'
import { agentRules, type Rule } from './rules.ts'
import { createStore } from './store.ts'

export type StandInOptions = {
  readonly namespace: string
  readonly statefulSet: string
  readonly replicas: number
  /** What the agent may do; without it just what it needs. `readRules(manifest)` reads a Role. */
  readonly rules?: readonly Rule[]
  /** Labels that select the pods. */
  readonly labels?: Readonly<Record<string, string>>
}

/** The Kubernetes API of one namespace with one StatefulSet; see `createStandInApi`. */
export type StandInApi = {
  /** Starts to answer on a free port of this address. */
  readonly listen: (address?: string) => Promise<void>
  readonly close: () => Promise<void>
  /** What kubelet puts into every container's environment. */
  readonly env: () => { KUBERNETES_SERVICE_HOST: string; KUBERNETES_SERVICE_PORT: string }
  /** Writes token, ca.crt and namespace there, now and at every rotation. */
  readonly writeServiceAccount: (directory: string) => void
  /** A new token; the old one is refused from now on. */
  readonly rotateToken: () => void
  /** A new CA and a new certificate of the server. */
  readonly rotateCa: () => void
  /** Creates the pod or changes it. */
  readonly setPod: (pod: PodState) => void
  readonly deletePod: (ordinal: number) => void
  /** `kubectl scale`: spec.replicas. Pods come and go by setPod and deletePod. */
  readonly scale: (replicas: number) => void
  /** `kubectl annotate`; null takes an annotation away. */
  readonly annotate: (annotations: Readonly<Record<string, string | null>>) => void
  /** `kubectl edit role`: what the agent may do from now on. */
  readonly allow: (rules: readonly Rule[]) => void
  /** `kubectl delete statefulset`: `deleting` sets the deletionTimestamp, `gone` takes it away. */
  readonly deleteStatefulSet: (how: 'deleting' | 'gone') => void
  readonly annotations: () => Readonly<Record<string, string>>
  readonly podLabels: (ordinal: number) => Readonly<Record<string, string>>
  readonly events: () => readonly JsonObject[]
  readonly lease: () => JsonObject | undefined
  /** Answered requests by `verb resource`, as `list pods`. */
  readonly requests: () => ReadonlyMap<string, number>
  /** null: well again. */
  readonly fault: (fault: Fault | null) => void
}

const object = (of: JsonObject | undefined, key: string): JsonObject =>
  (of?.[key] ?? {}) as JsonObject

/**
 * Stands in for the Kubernetes API: the calls that the agent makes, over TLS and with a bearer token.
 *
 *     const api = createStandInApi({ namespace: 'local', statefulSet: 'redis-cluster', replicas: 6 })
 *     await api.listen('127.0.0.1')
 *     api.writeServiceAccount(directory)         // each agent: SERVICE_ACCOUNT_DIR=directory
 *     spawn(agent, { env: { KUBERNETES: 'on', ...api.env() } })
 *     api.setPod({ ordinal: 0, uid, ip, node })  // when a pod starts; ready: true when it is
 *     api.setPod({ ordinal: 0, terminating: true, graceSeconds: 3600 })  // before its preStop hook
 *     api.deletePod(0)                           // when all of its processes ended
 *
 * POD_UID of the agent must be the uid given here. Nothing here watches processes or changes pods.
 */
export function createStandInApi(options: StandInOptions): StandInApi {
  const { namespace, statefulSet } = options
  const store = createStore()
  const owner: Owner = {
    namespace,
    statefulSet,
    uid: randomUUID(),
    labels: options.labels ?? { app: statefulSet },
  }
  store.put('statefulsets', statefulSet, newStatefulSet(owner, options.replicas))

  let rules = options.rules ?? agentRules
  const identity = createIdentity(namespace)
  const front = createFront(namespace, identity, request =>
    handle(
      {
        namespace,
        user: `system:serviceaccount:${namespace}:${statefulSet}`,
        rules,
        store,
        acceptsToken: token => token === identity.token(),
      },
      request,
    ),
  )

  const changeSet = (change: JsonObject): void => {
    const set = store.get('statefulsets', statefulSet)
    if (!set) throw new Error(`the StatefulSet ${statefulSet} was deleted`)
    store.put('statefulsets', statefulSet, mergePatch(set, change) as JsonObject)
  }
  const nameOf = (ordinal: number): string => `${statefulSet}-${ordinal}`
  return {
    ...front,
    writeServiceAccount: identity.write,
    rotateToken: identity.rotateToken,
    setPod: pod => {
      const name = nameOf(pod.ordinal)
      store.put('pods', name, podObject(owner, store.get('pods', name), pod))
    },
    deletePod: ordinal => store.remove('pods', nameOf(ordinal)),
    scale: replicas => {
      const generation = object(store.get('statefulsets', statefulSet), 'metadata')['generation']
      changeSet({ spec: { replicas }, metadata: { generation: Number(generation) + 1 } })
    },
    allow: allowed => {
      rules = allowed
    },
    annotate: annotations => changeSet({ metadata: { annotations } }),
    deleteStatefulSet: how => {
      if (how === 'gone') store.remove('statefulsets', statefulSet)
      else
        changeSet({ metadata: { deletionTimestamp: new Date().toISOString().slice(0, 19) + 'Z' } })
    },
    annotations: () =>
      object(object(store.get('statefulsets', statefulSet), 'metadata'), 'annotations') as Record<
        string,
        string
      >,
    podLabels: ordinal =>
      object(object(store.get('pods', nameOf(ordinal)), 'metadata'), 'labels') as Record<
        string,
        string
      >,
    events: () => store.list('events'),
    lease: () => store.get('leases', statefulSet),
  }
}
