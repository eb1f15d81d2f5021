import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRules } from './api/rules.ts'
import { createStandInApi, type StandInApi } from './api/stand-in.ts'
import type { Pod } from './pod.ts'
import type { Environment } from './process.ts'

const roleManifest = fileURLToPath(new URL('../manifests/base/redis-cluster.yaml', import.meta.url))

/** Label `controller-revision-hash` of every pod: the template never changes here. */
export const REVISION = 'redis-cluster-5c9bd7f7d4'

/** The API, and what kubelets and the StatefulSet's controller tell it. */
export type ControlPlane = {
  readonly api: StandInApi
  /** By which every container finds the API. */
  readonly env: Environment
  readonly created: (pod: Pod) => void
  readonly becameReady: (pod: Pod, ready: boolean) => void
  readonly terminates: (pod: Pod, graceMs: number) => void
  readonly ended: (pod: Pod) => void
}

export type ControlPlaneOptions = {
  readonly address: string
  readonly namespace: string
  readonly statefulSet: string
  readonly replicas: number
  /** Folder in which the service account is mounted. */
  readonly dir: string
}

/** An API with the Role of the manifests, and no pods yet. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { namespace, statefulSet, replicas } = options
  const api = createStandInApi({
    namespace,
    statefulSet,
    replicas,
    rules: readRules(roleManifest),
    labels: { 'app.kubernetes.io/name': statefulSet },
  })
  await api.listen(options.address)
  const serviceAccount = join(options.dir, 'service-account')
  api.writeServiceAccount(serviceAccount)
  const tell = (pod: Pod, state: Omit<Parameters<StandInApi['setPod']>[0], 'ordinal' | 'uid'>) =>
    api.setPod({ ordinal: pod.ordinal, uid: pod.uid, ...state })
  return {
    api,
    env: { KUBERNETES: 'on', SERVICE_ACCOUNT_DIR: serviceAccount, ...api.env() },
    created: pod =>
      tell(pod, { ip: pod.address, node: pod.env['NODE_NAME'] ?? '', revision: REVISION }),
    becameReady: (pod, ready) => tell(pod, { ready }),
    terminates: (pod, graceMs) =>
      tell(pod, { terminating: true, graceSeconds: Math.ceil(graceMs / 1000) }),
    ended: pod => api.deletePod(pod.ordinal),
  }
}
