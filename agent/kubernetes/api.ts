/** Labels or annotations. */
export type Texts = Readonly<Record<string, string>>

/** Labels or annotations to set; null takes one away. */
export type TextsPatch = Readonly<Record<string, string | null>>

/** What the agent needs to know of its StatefulSet. */
export type StatefulSetFacts = {
  readonly uid: string
  readonly replicas: number
  readonly generation: number
  /** It has a deletionTimestamp: everything ends. */
  readonly deleting: boolean
  readonly annotations: Texts
}

/** What the agent needs to know of a pod of its StatefulSet. */
export type PodFacts = {
  readonly name: string
  readonly ordinal: number
  /** Tells a pod from its successor of the same name. */
  readonly uid: string
  readonly phase: string
  readonly terminating: boolean
  /** When its grace period ends, epoch milliseconds; null while it is not terminating. */
  readonly deletionTimestampMs: number | null
  readonly ready: boolean
  /** The Kubernetes node; empty while it is not scheduled. */
  readonly node: string
  /** Label `controller-revision-hash`. */
  readonly revision: string
  readonly labels: Texts
  /** Empty while it has none. */
  readonly ip: string
}

/** A coordination.k8s.io Lease as it is to be written. Times in epoch milliseconds. */
export type LeaseRecord = {
  /** Empty: released. */
  readonly holder: string
  readonly durationSeconds: number
  readonly acquiredAtMs: number
  readonly renewedAtMs: number
  readonly transitions: number
}

/** A Lease as it stands; `version` is its resourceVersion. */
export type LeaseFacts = LeaseRecord & { readonly version: string }

/** What an event is about. */
export type EventObject = {
  readonly kind: 'StatefulSet' | 'Pod'
  readonly name: string
  readonly uid: string
}

/** A new core/v1 event; `name` is unique, so that a repetition can be counted on it. */
export type EventRecord = {
  readonly name: string
  readonly object: EventObject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly atMs: number
}

/**
 * All that the agent asks of the Kubernetes API; the Role in the manifests names just this.
 * Every call is time-boxed, and fails with an ApiError whose `kind` tells whether the API is away.
 */
export type Api = {
  /** `gone` on 404 only: that is the API's word that the StatefulSet does not exist. */
  readonly readStatefulSet: (signal: AbortSignal) => Promise<StatefulSetFacts | 'gone'>
  /** Pods of the StatefulSet, in the order of their ordinals. */
  readonly listPods: (signal: AbortSignal) => Promise<readonly PodFacts[]>
  /** Fails with `conflict` if the pod of that name is another one by now. */
  readonly labelPod: (
    pod: { readonly name: string; readonly uid: string },
    labels: TextsPatch,
    signal: AbortSignal,
  ) => Promise<void>
  /** Annotations of the StatefulSet. */
  readonly annotate: (annotations: TextsPatch, signal: AbortSignal) => Promise<void>
  readonly recordEvent: (event: EventRecord, signal: AbortSignal) => Promise<void>
  /** Counts a repetition on an event that was recorded before. */
  readonly repeatEvent: (
    name: string,
    count: number,
    atMs: number,
    signal: AbortSignal,
  ) => Promise<void>
  /** The Lease has the name of the StatefulSet. */
  readonly readLease: (signal: AbortSignal) => Promise<LeaseFacts | 'gone'>
  readonly createLease: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseFacts>
  /** Fails with `conflict` unless the Lease still has that version. */
  readonly replaceLease: (
    record: LeaseRecord,
    version: string,
    signal: AbortSignal,
  ) => Promise<LeaseFacts>
  /** Closes the idle connections. */
  readonly close: () => void
}
