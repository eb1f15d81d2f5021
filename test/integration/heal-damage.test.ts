import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { ways, type Way } from './gate-damage.ts'
import { assertKept, HEAL_MS, idsOf, isWritten, startWithKeys } from './heal-cluster.ts'

t.setTimeout(900_000)

/** After these the own line, and for a replica its master's, can still be read. */
const harmless = [
  'an empty line in the middle',
  'padded with NULs',
  'garbage at the end',
  'vars cut',
  'no vars',
  'no newline at the end',
]
/** After these nothing says who the node was. */
const harmful = ['only NULs', 'no own line', 'only vars', 'an id cut']

const named = (names: readonly string[]): Way[] => ways.filter(({ way }) => names.includes(way))
const volumeOf = (cluster: LocalCluster, pod: string): string => cluster.folders.volume(pod)
const setAside = (cluster: LocalCluster, pod: string): string[] =>
  readdirSync(volumeOf(cluster, pod)).filter(name => name.startsWith('nodes.conf.corrupt-'))

function damageFile(cluster: LocalCluster, pod: string, { damage }: Way): void {
  const path = join(volumeOf(cluster, pod), 'nodes.conf')
  writeFileSync(path, damage(readFileSync(path, 'utf8')))
}

/** Damages the file under a server that is stopped, so that it cannot write it anew, and kills it. */
async function damageUnderServer(cluster: LocalCluster, pod: string, way: Way): Promise<void> {
  const { server } = cluster.pod(pod)
  const starts = server.restarts
  cluster.kill(pod, 'server', 'SIGSTOP')
  damageFile(cluster, pod, way)
  cluster.kill(pod, 'server')
  await until(() => server.restarts > starts, { what: `the server of ${pod} is started again` })
}

const podsOfRole = async (cluster: LocalCluster, role: string): Promise<string[]> =>
  (await cluster.status()).pods.filter(pod => pod.role === role).map(({ name }) => name)

/** The pod that lost its identity has a new one, the others have theirs; no key is lost. */
async function assertReplaced(
  t: Test,
  cluster: LocalCluster,
  what: string,
  pod: string,
  before: readonly (string | null)[],
): Promise<void> {
  await assertKept(t, cluster, { what })
  const changed = (await idsOf(cluster)).flatMap((id, i) =>
    id === before[i] ? [] : [`redis-cluster-${i}`],
  )
  t.ok(
    changed.every(name => name === pod),
    `${what}: nobody else has a new id (${changed.join(', ')})`,
  )
}

for (const server of serversFor('heal-damage.test.ts', 1)) {
  const skip = skipWithout(server)

  void t.test(`${server}: pods come back on damaged files with their ids`, { skip }, async t => {
    const { cluster, ids } = await startWithKeys(t, { server })
    const names = cluster.pods.map(({ name }) => name)
    await Promise.all(names.map(name => cluster.endPod(name)))
    for (const [i, way] of named(harmless).entries()) damageFile(cluster, names[i] ?? '', way)
    cluster.start()
    await assertKept(t, cluster, { what: 'every file damaged', ids })
    const refused = names.filter(name => setAside(cluster, name).length > 0)
    t.ok(refused.length >= 2, `damaged files are kept beside: ${refused.join(', ')}`)

    const [master = ''] = await podsOfRole(cluster, 'master')
    const [replica = ''] = await podsOfRole(cluster, 'replica')
    for (const pod of [master, replica]) {
      await isWritten(cluster)
      const [way] = named(['garbage at the end'])
      if (way) await damageUnderServer(cluster, pod, way)
      await assertKept(t, cluster, { what: `the server of ${pod} alone`, ids })
    }
  })

  void t.test(
    `${server}: a node whose file says nothing joins anew, and its data stays`,
    { skip, timeout: 800_000 },
    async t => {
      const { cluster } = await startWithKeys(t, { server })
      t.setTimeout(800_000)
      for (const [i, way] of named(testsAll() ? harmful : harmful.slice(0, 2)).entries()) {
        const [pod = ''] = await podsOfRole(cluster, i % 2 === 0 ? 'replica' : 'master')
        const before = await idsOf(cluster)
        await isWritten(cluster)
        if (i < 2) await damageUnderServer(cluster, pod, way)
        else {
          await cluster.endPod(pod)
          damageFile(cluster, pod, way)
          cluster.startPod(pod)
        }
        await until(() => setAside(cluster, pod).length > 0, {
          what: `the damaged file of ${pod} is set aside`,
          deadlineMs: HEAL_MS,
        })
        await assertReplaced(t, cluster, `${pod} with ${way.way}`, pod, before)
      }
      await clusterIsHealthy(cluster)
    },
  )
}
