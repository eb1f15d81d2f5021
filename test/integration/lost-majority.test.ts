import t from 'tap'
import { countSlots, type SlotRange } from '../../agent/cluster/slots.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import { clusterIsHealthy } from '../helper/cluster.ts'
import { eventCounts, execAgent, logOf, page } from '../helper/kubernetes.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until, untilIs } from '../helper/until.ts'
import { allKeys } from '../helper/writers.ts'
import { HEAL_MS, isWritten, KEYS, startWithKeys } from './heal-cluster.ts'

t.setTimeout(900_000)

const GONE_AFTER_SECONDS = 10

type Row = {
  readonly name: string
  readonly ordinal: number
  readonly role: string | null
  readonly shard: number | null
  readonly slots: readonly SlotRange[]
}

/** Two masters and their replicas; pod 0, which coordinates, is none of the masters. */
async function doomedShards(cluster: LocalCluster): Promise<{ masters: Row[]; copies: Row[] }> {
  const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
  const rows: readonly Row[] = pods
  const masters = rows.filter(({ role, ordinal }) => role === 'master' && ordinal > 0).slice(-2)
  const copies = masters.flatMap(
    ({ shard }) => rows.find(row => row.role === 'replica' && row.shard === shard) ?? [],
  )
  if (masters.length < 2 || copies.length < 2) throw new Error('no two shards without pod 0')
  return { masters, copies }
}

/** What agents did in the way of a failover since the log had so many lines. */
const failovers = (cluster: LocalCluster): string[] =>
  logOf(cluster, 0).flatMap(({ event, action = '' }) =>
    event === 'action.done' && action.includes('CLUSTER FAILOVER') ? [action] : [],
  )

const phaseOf = async (cluster: LocalCluster): Promise<{ state: string; because: string }> =>
  JSON.parse(await page(cluster, 0, '/status')) as { state: string; because: string }

const slotsAt = (rows: readonly Row[]): number => countSlots(rows.flatMap(({ slots }) => slots))

for (const server of serversFor('lost-majority.test.ts')) {
  const skip = skipWithout(server)
  const start = (t: Parameters<typeof startWithKeys>[0]) =>
    startWithKeys(t, {
      server,
      kubernetes: 'on',
      env: { NODE_TIMEOUT_MS: '2000', GONE_AFTER_SECONDS: String(GONE_AFTER_SECONDS) },
    })

  void t.test(`${server}: two of three masters gone for good`, { skip }, async t => {
    const { cluster } = await start(t)
    t.setTimeout(800_000)
    const { masters, copies } = await doomedShards(cluster)
    await isWritten(cluster)

    // Silent, and not gone: the API still names both pods.
    for (const { name } of masters) cluster.kill(name, 'server', 'SIGSTOP')
    const said = await untilIs(
      () => phaseOf(cluster),
      ({ because }) => because.includes('too few for a vote'),
      { what: 'it is said that no vote is possible', deadlineMs: HEAL_MS },
    )
    t.equal(said.state, 'degraded')
    const polls = () => cluster.api.requests().get('list pods') ?? 0
    const before = polls()
    // The API is read every two seconds: more than the time after which a pod counts as gone.
    await until(() => polls() >= before + GONE_AFTER_SECONDS, {
      what: 'twice the time passes after which a pod counts as gone',
      deadlineMs: HEAL_MS,
    })
    t.strictSame(failovers(cluster), [], 'nobody is taken over for being silent')
    t.strictSame(
      (await Promise.all(copies.map(({ name }) => cluster.command(name, 'ROLE')))).map(
        role => (role as string[])[0],
      ),
      ['slave', 'slave'],
    )

    await Promise.all(masters.map(({ name }) => cluster.endPod(name, { force: true, wipe: true })))
    await untilIs(
      async () => {
        const { pods } = await cluster.status()
        return slotsAt(
          pods.filter(({ name, role }) => role === 'master' && !masters.some(m => m.name === name)),
        )
      },
      slots => slots === 16384,
      { what: 'the replicas own the slots', deadlineMs: HEAL_MS },
    )
    const [first = ''] = failovers(cluster)
    t.match(first, /FAILOVER TAKEOVER/, 'the first one without a vote')
    t.equal((await allKeys(cluster)).length, KEYS, 'every key is there')
    await until(() => eventCounts(cluster).has('TakenOver'), {
      what: 'an event tells of it',
      deadlineMs: HEAL_MS,
    })
    t.ok(eventCounts(cluster).has('MajorityLost'))

    for (const { ordinal } of masters) cluster.startPod(ordinal)
    const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
    t.strictSame(
      pods.filter(({ name }) => masters.some(m => m.name === name)).map(({ role }) => role),
      ['replica', 'replica'],
      'who comes back without a volume is a replica',
    )
  })

  void t.test(`${server}: a shard is lost, and its data given up`, { skip }, async t => {
    const { cluster } = await start(t)
    t.setTimeout(800_000)
    const { masters, copies } = await doomedShards(cluster)
    const lost = [masters[0], copies[0]].flatMap(row => row?.name ?? [])
    await isWritten(cluster)
    await cluster.delete(lost, { force: true, wipe: true })
    await untilIs(
      () => phaseOf(cluster),
      ({ because }) => because.includes('no copy is left'),
      { what: 'the loss is said', deadlineMs: HEAL_MS },
    )
    await until(() => eventCounts(cluster).has('ShardLost'), {
      what: 'an event tells of it',
      deadlineMs: HEAL_MS,
    })
    t.match(await execAgent(cluster, 0, 'fix'), 'nothing was changed')
    t.strictSame(cluster.api.annotations()['redis-cluster-agent/accept-data-loss'], undefined)
    t.match(await execAgent(cluster, 0, 'fix', '--accept-data-loss'), 'given up')
    const { pods } = await clusterIsHealthy(cluster, HEAL_MS)
    t.equal(slotsAt(pods), 16384)
    const kept = await allKeys(cluster)
    t.ok(kept.length > 0 && kept.length < KEYS, `${kept.length} of ${KEYS} keys are left`)
    await until(
      () => cluster.api.annotations()['redis-cluster-agent/accept-data-loss'] === undefined,
      { what: 'the word is used up', deadlineMs: HEAL_MS },
    )
    t.ok(eventCounts(cluster).has('DataLossAccepted'))
  })
}
