import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { readConfig, settings } from '../../../agent/config.ts'

const folder = fileURLToPath(new URL('../../../manifests', import.meta.url))

/** A place in a document, or undefined: `at(pod, 'spec.containers.0.name')`. */
function at(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree)
}

/** The same, as text. */
const say = (tree: unknown, path: string): string => String(at(tree, path))

const list = (tree: unknown, path: string): unknown[] => (at(tree, path) as unknown[]) ?? []

function parse(text: string): unknown[] {
  return parseAllDocuments(text).map(document => {
    if (document.errors[0]) throw document.errors[0]
    return document.toJS() as unknown
  })
}

const base = parse(readFileSync(`${folder}/base/redis-cluster.yaml`, 'utf8'))

function find(documents: unknown[], kind: string, name: string): unknown {
  const found = documents.filter(
    document => at(document, 'kind') === kind && at(document, 'metadata.name') === name,
  )
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name}`)
  return found[0]
}

const stateful = find(base, 'StatefulSet', 'redis-cluster')
const podSpec = at(stateful, 'spec.template.spec')
const containers = [...list(podSpec, 'initContainers'), ...list(podSpec, 'containers')]
const named = (name: string): unknown => containers.find(one => at(one, 'name') === name)
const settingsMap = at(find(base, 'ConfigMap', 'redis-cluster-settings'), 'data')

void t.test('`kubectl create -f manifests` creates the base and nothing else', t => {
  const files = readdirSync(folder).filter(name => /\.(ya?ml|json)$/.test(name))
  t.strictSame(files, ['redis-cluster.yaml'])
  t.equal(readlinkSync(`${folder}/redis-cluster.yaml`), 'base/redis-cluster.yaml')
  t.strictSame(
    base.map(document => `${say(document, 'kind')} ${say(document, 'metadata.name')}`),
    [
      'ServiceAccount redis-cluster',
      'Role redis-cluster',
      'RoleBinding redis-cluster',
      'ConfigMap redis-cluster-config',
      'ConfigMap redis-cluster-settings',
      'Service redis-cluster',
      'Service redis-cluster-client',
      'PodDisruptionBudget redis-cluster',
      'NetworkPolicy redis-cluster',
      'StatefulSet redis-cluster',
    ],
  )
  t.end()
})

void t.test('gives the agent settings that it knows and takes', t => {
  const known = new Set<string>(settings.map(setting => setting.name))
  const values: Record<string, string> = { ...(settingsMap as Record<string, string>) }
  for (const name of ['init', 'agent', 'redis'])
    for (const variable of list(named(name), 'env')) {
      const key = say(variable, 'name')
      t.ok(known.has(key), `${key} of container ${name}`)
      t.ok(at(variable, 'valueFrom.fieldRef.fieldPath'), `${key} is from the downward API`)
    }
  for (const name of Object.keys(values)) t.ok(known.has(name), `${name} in redis-cluster-settings`)
  const pod = { POD_NAME: 'redis-cluster-0', POD_NAMESPACE: 'default', POD_IP: '10.0.0.1' }
  const config = readConfig({ ...values, ...pod })
  t.equal(config.kubernetes, 'on')
  t.equal(config.statefulSet, at(stateful, 'metadata.name'))
  t.equal(config.serviceName, at(stateful, 'spec.serviceName'))

  const given = list(named('agent'), 'env').map(one => at(one, 'name'))
  const needed = ['POD_NAME', 'POD_NAMESPACE', 'POD_IP', 'POD_UID', 'NODE_NAME', 'POD_REVISION']
  for (const name of [...needed, 'ZONE']) t.ok(given.includes(name), name)
  for (const name of ['init', 'agent'])
    t.equal(at(named(name), 'envFrom.0.configMapRef.name'), 'redis-cluster-settings')
  t.end()
})

void t.test('mounts what the defaults of the settings name', t => {
  const fallback = new Map<string, string | null>(settings.map(one => [one.name, one.fallback]))
  const mounts = (name: string): Map<unknown, unknown> =>
    new Map(list(named(name), 'volumeMounts').map(one => [at(one, 'name'), at(one, 'mountPath')]))
  for (const name of ['init', 'agent', 'redis']) {
    t.equal(mounts(name).get('data'), fallback.get('DATA_DIR'))
    t.equal(mounts(name).get('run'), fallback.get('RUN_DIR'))
  }
  t.equal(`${String(mounts('init').get('config'))}/redis.conf`, fallback.get('CONFIG_FILE'))
  t.equal(mounts('agent').get('api-token'), fallback.get('SERVICE_ACCOUNT_DIR'))
  t.equal(mounts('redis').has('api-token'), false)
  const config = at(find(base, 'ConfigMap', 'redis-cluster-config'), 'data') as object
  t.strictSame(Object.keys(config), ['redis.conf'])
  t.end()
})

void t.test('starts, probes and ends the containers as the agent expects it', t => {
  const [init, agent, redis] = ['init', 'agent', 'redis'].map(named)
  t.strictSame(at(init, 'command'), ['agent', 'init'])
  t.strictSame(at(agent, 'command'), ['agent', 'run'])
  t.equal(at(agent, 'restartPolicy'), 'Always', 'a native sidecar')
  t.strictSame(
    list(podSpec, 'initContainers').map(one => at(one, 'name')),
    ['init', 'agent'],
  )
  for (const probe of ['startupProbe', 'livenessProbe'])
    t.match(at(agent, probe), { httpGet: { path: '/livez', port: 9121 } })
  t.match(at(redis, 'readinessProbe'), { httpGet: { path: '/readyz', port: 9121 } })
  t.equal(at(redis, 'livenessProbe'), undefined)
  t.strictSame(at(redis, 'command'), ['sh', '/run/redis-cluster/server.sh'])
  t.strictSame(at(redis, 'lifecycle.preStop.exec.command'), [
    'sh',
    '/run/redis-cluster/pre-stop.sh',
  ])
  t.equal(at(podSpec, 'terminationGracePeriodSeconds'), 3600)
  t.equal(at(stateful, 'spec.podManagementPolicy'), 'Parallel')
  t.strictSame(at(stateful, 'spec.persistentVolumeClaimRetentionPolicy'), {
    whenDeleted: 'Retain',
    whenScaled: 'Retain',
  })
  t.end()
})

void t.test('passes the Pod Security standard `restricted`', t => {
  const pod = at(podSpec, 'securityContext')
  t.match(pod, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  t.ok(Number(at(pod, 'runAsUser')) > 0)
  for (const host of ['hostNetwork', 'hostPID', 'hostIPC']) t.not(at(podSpec, host), true)
  t.equal(containers.length, 3)
  for (const container of containers) {
    t.strictSame(at(container, 'securityContext'), {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    for (const port of list(container, 'ports')) t.equal(at(port, 'hostPort'), undefined)
  }
  const allowed = new Set(['configMap', 'emptyDir', 'projected'])
  for (const volume of list(podSpec, 'volumes'))
    for (const key of Object.keys(volume as object)) t.ok(key === 'name' || allowed.has(key), key)
  t.end()
})

void t.test('gives the agent room, and no limit that makes Node thrash', t => {
  for (const name of ['init', 'agent'])
    t.match(at(named(name), 'resources'), {
      requests: { memory: '64Mi' },
      limits: { memory: '128Mi' },
    })
  t.end()
})

void t.test('keeps the bus for the pods of the cluster', t => {
  const policy = find(base, 'NetworkPolicy', 'redis-cluster')
  t.strictSame(at(policy, 'spec.policyTypes'), ['Ingress'])
  const open = list(policy, 'spec.ingress').filter(rule => at(rule, 'from') === undefined)
  const ports = open.flatMap(rule => list(rule, 'ports').map(one => at(one, 'port')))
  t.strictSame(ports, [6379, 9121])
  const own = list(policy, 'spec.ingress').find(rule => at(rule, 'from') !== undefined)
  t.strictSame(at(own, 'from'), [{ podSelector: at(policy, 'spec.podSelector') }])
  t.strictSame(at(own, 'ports'), [{ port: 16379 }])
  t.end()
})

void t.test('selects its own pods everywhere, and lets peers find pods that are not ready', t => {
  const labels = at(stateful, 'spec.template.metadata.labels')
  t.strictSame(at(stateful, 'spec.selector.matchLabels'), labels)
  const headless = find(base, 'Service', 'redis-cluster')
  t.match(at(headless, 'spec'), { clusterIP: 'None', publishNotReadyAddresses: true })
  const client = find(base, 'Service', 'redis-cluster-client')
  t.equal(at(client, 'spec.publishNotReadyAddresses'), undefined)
  for (const service of [headless, client]) t.strictSame(at(service, 'spec.selector'), labels)
  const budget = find(base, 'PodDisruptionBudget', 'redis-cluster')
  t.equal(at(budget, 'spec.maxUnavailable'), 1)
  t.strictSame(at(budget, 'spec.selector.matchLabels'), labels)
  for (const spread of list(podSpec, 'topologySpreadConstraints'))
    t.strictSame(at(spread, 'labelSelector.matchLabels'), labels)
  t.end()
})

void t.test('grants a role of this namespace only, with nothing but names and verbs', t => {
  t.strictSame(
    base.filter(document => say(document, 'kind').startsWith('Cluster')),
    [],
  )
  const rules = list(find(base, 'Role', 'redis-cluster'), 'rules')
  t.notMatch(JSON.stringify(rules), /"\*"|secrets|delete/)
  t.strictSame(at(find(base, 'RoleBinding', 'redis-cluster'), 'subjects'), [
    { kind: 'ServiceAccount', name: 'redis-cluster', namespace: 'default' },
  ])
  t.end()
})

const kubectl = spawnSync('kubectl', ['version', '--client']).status === 0
const overlay = kubectl ? {} : { skip: 'no kubectl on this machine to render the overlays with' }

/** The documents of an overlay, as `kubectl kustomize` renders them. */
function render(name: string): unknown[] {
  const done = spawnSync('kubectl', ['kustomize', `${folder}/${name}`], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(done.stderr)
  return parse(done.stdout)
}

void t.test('renders every overlay to the same objects', overlay, t => {
  const names = (documents: unknown[]): string[] =>
    documents
      .map(document => `${say(document, 'kind')} ${say(document, 'metadata.name')}`)
      .toSorted((a, b) => (a < b ? -1 : 1))
  const wanted = names(base)
  t.strictSame(names(render('base')), wanted)
  for (const name of readdirSync(`${folder}/overlays`))
    t.strictSame(names(render(`overlays/${name}`)), wanted, name)
  t.end()
})

void t.test('changes in each overlay what its name says', overlay, t => {
  const rendered = (name: string): unknown[] => render(`overlays/${name}`)
  const setOf = (documents: unknown[]): unknown => find(documents, 'StatefulSet', 'redis-cluster')
  const images = (documents: unknown[]): unknown[] =>
    ['initContainers', 'containers'].flatMap(part =>
      list(setOf(documents), `spec.template.spec.${part}`).map(one => at(one, 'image')),
    )
  const ours = 'ghcr.io/redis-cluster-agent/redis-cluster-agent:0.1.0'
  t.strictSame(images(base), [ours, ours, ours])
  t.strictSame(new Set(images(rendered('valkey'))), new Set([`${ours}-valkey`]))
  t.match(images(rendered('official-image')), [ours, ours, /^docker\.io\/library\/redis:/])

  const development = setOf(rendered('development'))
  t.equal(at(development, 'spec.volumeClaimTemplates'), undefined)
  t.match(list(development, 'spec.template.spec.volumes').at(-1), { name: 'data', emptyDir: {} })

  const pi = rendered('raspberry-pi')
  t.equal(at(setOf(pi), 'spec.volumeClaimTemplates.0.spec.storageClassName'), 'local-path')
  const timeout = at(find(pi, 'ConfigMap', 'redis-cluster-settings'), 'data.NODE_TIMEOUT_MS')
  t.equal(timeout, '15000')
  const config = at(find(pi, 'ConfigMap', 'redis-cluster-config'), 'data') as Record<string, string>
  t.match(config['redis.conf'], /^save ""$/m)
  t.end()
})
