import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'

const file = new URL('../../manifests/redis-cluster.yaml', import.meta.url)

type Manifest = { kind: string; [field: string]: unknown }

/** Replaces each image of ours, and the one line that names a namespace. */
function adapt(value: unknown, image: string, namespace: string): unknown {
  if (Array.isArray(value)) return value.map(item => adapt(item, image, namespace))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'image') return [key, image]
      if (key === 'namespace') return [key, namespace]
      return [key, adapt(inner, image, namespace)]
    }),
  )
}

/** What `kubectl create -f manifests` creates, with that image, for that namespace, as a JSON list. */
export async function clusterManifest(image: string, namespace: string): Promise<string> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'))
  const items = documents.map(document => adapt(document.toJS(), image, namespace) as Manifest)
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

/** A namespace; `restricted` makes it enforce that Pod Security standard. */
export const namespaceManifest = (name: string, restricted: boolean): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: {
        'redis-cluster-agent/e2e': 'true',
        ...(restricted ? { 'pod-security.kubernetes.io/enforce': 'restricted' } : {}),
      },
    },
  })

/** The load client: its script by a ConfigMap, run by the image's own Node. */
export function loadManifest(image: string, script: string): string {
  const metadata = { name: 'load' }
  const container = {
    name: 'load',
    image,
    command: ['node', '/load/client.mjs'],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'script', mountPath: '/load' }],
  }
  const pod = {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 999,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
    volumes: [{ name: 'script', configMap: { name: 'load' } }],
  }
  const items = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'client.mjs': script } },
    { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod },
  ]
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
