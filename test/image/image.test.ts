import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until, untilIs } from '../helper/until.ts'
import { execute, startDocker, type Docker } from './docker.ts'
import { ImagePods } from './image-pods.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const image = 'redis-cluster-agent:test'
const minutes = (count: number): { timeout: number } => ({ timeout: count * 60_000 })

/**
 * What that server thinks of the cluster, in short: its state, the masters with slots and the replicas
 * that it knows, and whether its own link is up if it is a replica.
 */
async function opinion(pods: ImagePods, ordinal: number): Promise<string> {
  const info = await pods.redisCli(ordinal, 'cluster', 'info')
  const replication = await pods.redisCli(ordinal, 'info', 'replication')
  const nodes = (await pods.redisCli(ordinal, 'cluster', 'nodes')).split('\n')
  const masters = nodes.filter(line => / (myself,)?master /.test(line) && /\d+-\d+$/.test(line))
  const replicas = nodes.filter(line => / (myself,)?slave /.test(line))
  const state = /^cluster_state:(\w+)/m.exec(info)?.[1]
  const link = /^master_link_status:down/m.test(replication) ? 'link down' : 'link fine'
  return `${state}, ${masters.length} + ${replicas.length}, ${link}`
}

/** Status of a GET from the host to a pod. */
const status = (address: string, path: string): Promise<number> =>
  fetch(`http://${address}:9121${path}`, { signal: AbortSignal.timeout(5000) }).then(
    response => response.status,
  )

/**
 * Builds from the Dockerfile, with the network of the machine: Docker need not have a bridge. A second
 * time if a registry or a mirror had a bad moment.
 */
async function build(docker: Docker, tag: string, ...args: string[]): Promise<void> {
  const line = ['build', '--progress=plain', '--network=host', ...args, '--tag', tag, root]
  const { code } = await docker.attempt(...line)
  if (code !== 0) await docker.run(...line)
}

async function makeBases(docker: Docker): Promise<void> {
  const env = { ...docker.env, NODE: process.execPath }
  const script = [`${root}/test/image/make-bases.sh`, `${root}/.servers/bases`]
  const { code, err } = await execute('sh', script, env)
  if (code !== 0) throw new Error(`make-bases.sh ended with ${code}: ${err}`)
}

async function formsACluster(t: Test, docker: Docker): Promise<void> {
  const pods = await ImagePods.start(docker, { image, count: 6, folder: t.testdir() })
  t.teardown(() => pods.stop())
  try {
    for (const ordinal of pods.ordinals) {
      const wanted = 'ok, 3 + 3, link fine'
      const deadline = { deadlineMs: 180_000, everyMs: 500 }
      const what = `pod ${ordinal} says "${wanted}"`
      await untilIs(
        () => opinion(pods, ordinal),
        one => one === wanted,
        { what, ...deadline },
      )
      await until(async () => (await status(pods.addressOf(ordinal), '/livez')) === 200, {
        what: `the agent of pod ${ordinal} lives`,
      })
      await until(async () => (await status(pods.addressOf(ordinal), '/readyz')) === 200, {
        what: `pod ${ordinal} is ready`,
      })
    }
  } catch (error) {
    for (const ordinal of pods.ordinals)
      for (const name of ['agent', 'server']) t.comment(await pods.logs(`${name}-${ordinal}`))
    throw error
  }
  t.match(await pods.agent(0, 'status'), /redis-cluster-5/)
  t.match(await pods.preStop(5), /the agent is done/)
  t.equal(await pods.end('server-5'), 0, 'the server heard its signal')
  t.equal(await pods.end('agent-5'), 0, 'the agent heard its signal')
}

t.setTimeout(15 * 60_000)
const docker = await startDocker()
if (typeof docker === 'string') {
  void t.test('the image', { skip: docker }, t => t.end())
} else {
  t.teardown(() => docker.stop())

  void t.test('is built from the Dockerfile', minutes(8), async () => {
    await makeBases(docker)
    await build(docker, image)
  })

  void t.test('names its version and runs as nobody special', minutes(1), async t => {
    const manifest = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as {
      version: string
    }
    t.equal(await docker.run('run', '--rm', image, 'agent', '--version'), manifest.version)
    t.equal(await docker.run('run', '--rm', image, 'id', '-u'), '999')
    const modules = await docker.run('run', '--rm', image, 'ls', '/opt/agent')
    t.notMatch(modules, /node_modules/)
  })

  void t.test('ends with 2 and names every bad setting', minutes(1), async t => {
    const env = ['--env', 'REDIS_PORT=many', '--env', 'KUBERNETES=maybe']
    const refused = await docker.attempt('run', '--rm', ...env, image, 'agent', 'run')
    t.equal(refused.code, 2)
    for (const name of ['REDIS_PORT', 'KUBERNETES', 'POD_NAME', 'POD_NAMESPACE', 'POD_IP'])
      t.match(refused.out + refused.err, name)
  })

  void t.test('takes Valkey as its server', minutes(5), async t => {
    const valkey = `${image}-valkey`
    await build(docker, valkey, '--build-arg', 'SERVER=valkey')
    t.match(
      await docker.run('run', '--rm', valkey, 'valkey-server', '--version'),
      /^Valkey server v=/,
    )
    const redis = await docker.attempt('run', '--rm', valkey, 'sh', '-c', 'command -v redis-server')
    t.not(redis.code, 0, redis.out)
  })

  void t.test('six pods of it form a cluster', minutes(6), t => formsACluster(t, docker))
}
