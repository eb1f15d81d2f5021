import { join } from 'node:path'
import type { Test } from 'tap'
import type { Api } from '../../agent/kubernetes/api.ts'
import { createKubernetesClient } from '../../agent/kubernetes/client.ts'
import { readRules, type Rule } from '../../local/api/rules.ts'
import { createStandInApi, type StandInApi } from '../../local/api/stand-in.ts'
import { temporaryFolder } from '../helper/folder.ts'

/** The manifest that holds the agent's Role. */
export const roleManifest = join(import.meta.dirname, '../../manifests/base/redis-cluster.yaml')

/** A Lease as an agent writes it. */
export const record = {
  holder: 'redis-cluster-0_u',
  durationSeconds: 6,
  acquiredAtMs: 1_700_000_000_000,
  renewedAtMs: 1_700_000_000_123,
  transitions: 0,
}

export type Both = {
  readonly standIn: StandInApi
  readonly api: Api
  readonly directory: string
  /** What the client takes for the time. */
  readonly clock: { ms: number }
}

/** A stand-in with a client for it, by the Role of the manifests unless other rules are given. */
export async function setUp(
  t: Test,
  options: { rules?: readonly Rule[]; timeoutMs?: number; statefulSet?: string } = {},
): Promise<Both> {
  const directory = temporaryFolder(t)
  const clock = { ms: 0 }
  const standIn = createStandInApi({
    namespace: 'demo',
    statefulSet: 'redis-cluster',
    replicas: 6,
    rules: options.rules ?? readRules(roleManifest),
  })
  await standIn.listen('127.0.0.1')
  standIn.writeServiceAccount(directory)
  const env = standIn.env()
  const api = createKubernetesClient({
    namespace: 'demo',
    statefulSet: options.statefulSet ?? 'redis-cluster',
    podName: 'redis-cluster-0',
    serviceAccountDir: directory,
    host: env.KUBERNETES_SERVICE_HOST,
    port: env.KUBERNETES_SERVICE_PORT,
    nowMs: () => clock.ms,
    timeoutMs: options.timeoutMs ?? 20_000,
  })
  t.teardown(async () => {
    api.close()
    await standIn.close()
  })
  return { standIn, api, directory, clock }
}
