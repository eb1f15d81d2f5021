import t from 'tap'
import { pausedAnnotation } from '../../agent/kubernetes/wish.ts'
import { textOf } from '../../local/api/answer.ts'
import { readRules, type Rule } from '../../local/api/rules.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy, startCluster } from '../helper/cluster.ts'
import { agentStatus } from '../helper/formation.ts'
import {
  eventCounts,
  labelsAreTrue,
  PATIENCE_MS,
  requestsWithin,
  untilLogged,
} from '../helper/kubernetes.ts'
import { serversFor, skipWithout, testsAll } from '../helper/servers.ts'
import { until, untilIs } from '../helper/until.ts'
import { roleManifest } from './api-set-up.ts'

t.setTimeout(600_000)

const granted = readRules(roleManifest)

/** The Role of the manifests without that verb on that resource. */
const roleWithout = (verb: string, resource: string): Rule[] =>
  granted.map(rule =>
    rule.resources.includes(resource)
      ? { ...rule, verbs: rule.verbs.filter(one => one !== verb) }
      : rule,
  )

/**
 * Waits until the coordinator reads the API five times, keeps its lease, and asks nothing more
 * meanwhile: just before, something may have happened that is to be told.
 */
const isQuiet = (cluster: LocalCluster): Promise<unknown> =>
  untilIs(
    async () => [...(await requestsWithin(cluster, 5))],
    requests =>
      requests.length === 3 &&
      requests.every(
        ([call, count]) =>
          ['get statefulsets', 'list pods', 'update leases'].includes(call) && count <= 7,
      ),
    { what: 'the coordinator asks the API no more than it must', deadlineMs: PATIENCE_MS },
  )

for (const server of serversFor('kubernetes-people.test.ts')) {
  const skip = skipWithout(server)
  void t.test(`${server}: what people see and set`, { skip, timeout: 600_000 }, async t => {
    const cluster = await startCluster(t, { server, env: { NODE_TIMEOUT_MS: '2000' } })
    t.setTimeout(600_000)
    await clusterIsHealthy(cluster, PATIENCE_MS)

    await t.test('labels, and an event of the formation', async t => {
      await labelsAreTrue(cluster, 'formed')
      await until(() => eventCounts(cluster).has('Formed'), {
        what: 'an event tells of the formation',
        deadlineMs: PATIENCE_MS,
      })
      t.equal(eventCounts(cluster).get('Formed'), 1)
    })

    await t.test('labels and one event follow a failover', async t => {
      const { pods } = await cluster.status()
      const old = pods.find(({ role, ordinal }) => role === 'master' && ordinal > 0)
      const copy = pods.find(({ role, shard }) => role === 'replica' && shard === old?.shard)
      if (!old || !copy) throw new Error('there is no shard without pod 0')
      cluster.kill(old.name, 'server', 'SIGSTOP')
      await untilIs(
        () => cluster.api.podLabels(copy.ordinal),
        ({ 'redis-cluster-agent/role': role }) => role === 'master',
        { what: 'the label of the new master', deadlineMs: PATIENCE_MS },
      )
      cluster.kill(old.name, 'server', 'SIGCONT')
      await clusterIsHealthy(cluster, PATIENCE_MS)
      await labelsAreTrue(cluster, 'after the failover')
      const message = new RegExp(`^${copy.name} took over .* from ${old.name}$`)
      const told = () =>
        cluster.api
          .events()
          .filter(
            event => event['reason'] === 'MasterReplaced' && message.test(textOf(event['message'])),
          )
      await until(() => told().length > 0, {
        what: 'an event tells of the failover',
        deadlineMs: PATIENCE_MS,
      })
      t.match(told(), [{ count: 1, type: 'Normal' }])
      t.equal(told().length, 1, 'once')
      t.equal(eventCounts(cluster).get('Formed'), 1, 'it was formed once')
    })

    await t.test('what the Role lacks is named', async t => {
      for (const [verb, resource] of [
        ['list', 'pods'],
        ['update', 'leases'],
      ] as const) {
        cluster.api.allow(roleWithout(verb, resource))
        await untilLogged(
          cluster,
          0,
          `${verb} ${resource} is refused`,
          ({ event, because = '' }) =>
            event === 'api.refused' &&
            because.includes(`the Role lacks verb "${verb}" on resource "${resource}"`),
        )
        await clusterIsHealthy(cluster, PATIENCE_MS)
        t.pass(`the cluster is well without ${verb} ${resource}`)
        cluster.api.allow(granted)
      }
    })

    await t.test('a new token and a new CA are read', async t => {
      cluster.api.rotateToken()
      cluster.api.rotateCa()
      cluster.api.annotate({ [pausedAnnotation]: 'true' })
      const isPaused = async () => (await agentStatus(cluster, 0))?.state === 'paused'
      await until(isPaused, { what: 'the annotation is read', deadlineMs: PATIENCE_MS })
      cluster.api.annotate({ [pausedAnnotation]: null })
      await until(async () => (await agentStatus(cluster, 0))?.state === 'ok', {
        what: 'plans go on',
        deadlineMs: PATIENCE_MS,
      })
      await until(() => eventCounts(cluster).get('Paused') === 1, {
        what: 'one event tells of the pause',
        deadlineMs: PATIENCE_MS,
      })
      t.pass('the annotation was read with the new token and the new CA')
    })

    await t.test('a quiet cluster asks the API little', async t => {
      t.ok(await isQuiet(cluster))
    })
  })

  const inAll = skip || testsAll() ? skip : 'part of npm run test:all'
  void t.test(
    `${server}: 12 pods ask no more than 6`,
    { skip: inAll, timeout: 600_000 },
    async t => {
      const cluster = await startCluster(t, { server, pods: 12 })
      t.setTimeout(600_000)
      await clusterIsHealthy(cluster, PATIENCE_MS)
      await labelsAreTrue(cluster, 'formed')
      t.ok(await isQuiet(cluster))
    },
  )
}
