import { settle, type Cluster } from './cluster.ts'
import { attempt, kubectl } from './kubectl.ts'
import { startLoad, type Load } from './load/load.ts'
import { clusterManifest, namespaceManifest } from './manifests.ts'

export type TestCluster = Cluster & { readonly load: Load }

export type CreateOptions = {
  readonly image: string
  /** The load client's script. */
  readonly script: string
  readonly namespace: string
  readonly restricted?: boolean
}

/** Creates a namespace and the cluster in it, waits until it is settled, and puts load on it. */
export async function createCluster(options: CreateOptions): Promise<TestCluster> {
  const { image, script, namespace, restricted = false } = options
  await kubectl(['create', '-f', '-'], { input: namespaceManifest(namespace, restricted) })
  const input = await clusterManifest(image, namespace)
  const startedMs = performance.now()
  await kubectl(['-n', namespace, 'create', '-f', '-'], { input })
  const cluster = { namespace, createdMs: 0 }
  await settle(cluster)
  const createdMs = performance.now() - startedMs
  const load = await startLoad(namespace, image, script)
  await load.flows()
  return { ...cluster, createdMs, load }
}

/** Removes a namespace and all that is in it. Says what stays, if anything does. */
export async function removeNamespace(namespace: string): Promise<string | null> {
  const { code, err } = await attempt(
    ['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=280s'],
    { timeoutMs: 300_000 },
  )
  return code === 0 ? null : `namespace ${namespace} is still there: ${err.trim()}`
}
