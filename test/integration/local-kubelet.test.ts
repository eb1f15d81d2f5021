import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Resolver } from 'node:dns/promises'
import t, { type Test } from 'tap'
import { LocalCluster } from '../../local/cluster.ts'
import { temporaryFolder } from '../helper/folder.ts'
import { until, untilIs } from '../helper/until.ts'

/** Stands for the agent: notes down what the kubelet does to it, and answers the probes. */
const agent = `
import { appendFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
const { RUN_DIR, DATA_DIR, POD_IP } = process.env
const note = word => appendFileSync(DATA_DIR + '/order', word + '\\n')
if (process.argv[2] === 'init') {
  note('init')
  writeFileSync(RUN_DIR + '/env.json', JSON.stringify(process.env))
  writeFileSync(RUN_DIR + '/pre-stop.sh', 'echo hook >>"$DATA_DIR/order"')
  writeFileSync(RUN_DIR + '/server.sh', \`
    trap 'echo server-ends >>"$DATA_DIR/order"; exit 0' TERM
    echo server >>"$DATA_DIR/order"
    while :; do sleep 0.05; done\`)
} else {
  note('agent')
  process.on('SIGTERM', () => { note('agent-ends'); process.exit(0) })
  createServer((_request, response) => response.end('ok')).listen(9121, POD_IP)
}
`

async function startPods(t: Test, pods: number): Promise<LocalCluster> {
  const dir = temporaryFolder(t)
  const main = join(dir, 'agent.mjs')
  writeFileSync(main, agent)
  const cluster = await LocalCluster.create({
    dir: join(dir, 'c'),
    server: '/bin/true',
    agent: { command: [process.execPath, main], env: {} },
    pods,
    graceMs: 30_000,
  })
  t.teardown(() => cluster.stop(0))
  cluster.start()
  await allReady(cluster)
  return cluster
}

const allReady = (cluster: LocalCluster) =>
  until(
    () => cluster.pods.length === cluster.replicas && cluster.pods.every(({ ready }) => ready),
    { what: 'all pods are ready' },
  )

const orderOf = (cluster: LocalCluster, pod: number): string[] => {
  const file = join(cluster.folders.volume(`redis-cluster-${pod}`), 'order')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

const untilOrder = (cluster: LocalCluster, pod: number, order: readonly string[]) =>
  untilIs(
    () => orderOf(cluster, pod),
    done => done.join() === order.join(),
    { what: `pod ${pod} did ${order.join()}` },
  )

void t.test(
  'starts, restarts and ends the containers of a pod in the order of a kubelet',
  async t => {
    const cluster = await startPods(t, 1)
    const pod = cluster.pod(0)
    const started = ['init', 'agent', 'server']
    await untilOrder(cluster, 0, started)
    const runDir = pod.env['RUN_DIR'] ?? ''
    const env = JSON.parse(readFileSync(join(runDir, 'env.json'), 'utf8')) as Record<string, string>
    t.match(env, {
      POD_NAME: 'redis-cluster-0',
      POD_NAMESPACE: 'default',
      POD_IP: pod.address,
      POD_UID: pod.uid,
      NODE_NAME: 'node-0',
      PODS: '1',
    })
    t.equal(env['HOME'], undefined, 'nothing of the surrounding environment')
    t.match(readFileSync(env['CONFIG_FILE'] ?? '', 'utf8'), `bind ${pod.address}`)

    cluster.kill(0, 'server')
    await untilOrder(cluster, 0, [...started, 'server'])
    cluster.kill(0, 'agent')
    await untilOrder(cluster, 0, [...started, 'server', 'agent'])
    t.equal(cluster.pod(0), pod, 'a container that ends does not end its pod')
    t.equal(pod.env['RUN_DIR'], runDir)
    t.ok(existsSync(runDir), 'the emptyDir is kept')
    await allReady(cluster)

    await cluster.delete([0])
    await allReady(cluster)
    const ended = ['hook', 'server-ends', 'agent-ends']
    await untilOrder(cluster, 0, [...started, 'server', 'agent', ...ended, ...started])
    const successor = cluster.pod(0)
    t.not(successor.address, pod.address, 'it comes back with another address')
    t.not(successor.uid, pod.uid)
    t.not(successor.env['RUN_DIR'], runDir, 'and another emptyDir')
    t.notOk(existsSync(runDir), 'the old one is gone')

    await cluster.delete([0], { force: true, wipe: true })
    await untilOrder(cluster, 0, started)
    t.equal(cluster.pods.length, 1)
  },
)

void t.test('names in DNS the pods that there are, and scales them', async t => {
  const cluster = await startPods(t, 2)
  const resolver = new Resolver({ timeout: 2000, tries: 5 })
  resolver.setServers([`${cluster.dns.address}:${cluster.dns.port}`])
  const lookUp = (pod: number) =>
    resolver.resolve4(`redis-cluster-${pod}.redis-cluster.default.svc.cluster.local`)
  t.strictSame(await lookUp(1), [cluster.pod(1).address])
  await t.rejects(lookUp(2), { code: 'ENOTFOUND' })
  await cluster.scale(3)
  await allReady(cluster)
  t.strictSame(await lookUp(2), [cluster.pod(2).address])
  t.equal(cluster.pod(2).env['NODE_NAME'], 'node-2')
  await cluster.scale(1)
  t.strictSame(
    cluster.pods.map(({ name }) => name),
    ['redis-cluster-0'],
  )
  await t.rejects(lookUp(1), { code: 'ENOTFOUND' })
  t.ok(orderOf(cluster, 1).includes('hook'), 'a pod that is scaled away ends as any other')

  await cluster.scale(3)
  await allReady(cluster)
  const before = cluster.pods.map(({ address }) => address)
  await cluster.restartAll({ permute: true })
  await allReady(cluster)
  const after = cluster.pods.map(({ address }) => address)
  t.strictSame([...after].sort(), [...before].sort(), 'the same addresses')
  t.ok(
    after.every((address, i) => address !== before[i]),
    'none where it was',
  )
})
