import t from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import { createMetrics } from '../../../agent/server/metrics.ts'
import {
  agentFacts,
  answered,
  factsOf,
  followerSnapshot,
  silent,
  snapshotOf,
  tableOf,
} from './snapshots.ts'

const OPEN = 'application/openmetrics-text; version=1.0.0'

/** The series of a text, by name and labels. */
const series = (body: string): Map<string, string> =>
  new Map(
    body
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => {
        const end = line.lastIndexOf(' ')
        return [line.slice(0, end), line.slice(end + 1)]
      }),
  )

const valuesOf = (body: string, names: readonly string[]): Record<string, string | undefined> => {
  const all = series(body)
  return Object.fromEntries(names.map(name => [name, all.get(name)]))
}

void t.test("a replica's server has the names and labels of redis_exporter", async t => {
  const { body } = await createMetrics('1.2.3').scrape(followerSnapshot(3), '')
  const wanted = {
    redis_up: '1',
    'redis_instance_info{role="slave",redis_version="9.1.2",redis_mode="cluster"}': '1',
    redis_uptime_in_seconds: '61',
    redis_cluster_enabled: '1',
    redis_cluster_state: '1',
    redis_cluster_slots_assigned: '16384',
    redis_cluster_slots_ok: '16384',
    redis_cluster_slots_pfail: '0',
    redis_cluster_slots_fail: '0',
    redis_cluster_known_nodes: '6',
    redis_cluster_size: '3',
    redis_cluster_current_epoch: '6',
    redis_cluster_my_epoch: '1',
    redis_connected_slaves: '0',
    'redis_db_keys{db="db0"}': '42',
    'redis_master_link_up{master_host="10.0.0.1",master_port="6379"}': '1',
    'redis_cluster_agent_role{role="replica"}': '1',
    redis_cluster_agent_coordinator: '0',
    'redis_cluster_agent_info{version="1.2.3"}': '1',
  }
  t.strictSame(valuesOf(body, Object.keys(wanted)), wanted)
})

void t.test('a master shows its replicas, and the coordinator its phase', async t => {
  const { body } = await createMetrics('1').scrape(
    snapshotOf({ lostSlots: 7, foreignNodes: 2, agent: agentFacts(0, { paused: true }) }),
    '',
  )
  const wanted = {
    redis_connected_slaves: '1',
    'redis_connected_slave_offset_bytes{slave_ip="10.0.0.4",slave_port="6379",slave_state="online"}':
      '1386',
    'redis_cluster_agent_phase{phase="ok"}': '1',
    'redis_cluster_agent_phase{phase="degraded"}': '0',
    'redis_cluster_agent_phase_seconds{phase="ok"}': '12',
    redis_cluster_agent_lost_slots: '7',
    redis_cluster_agent_foreign_nodes: '2',
    redis_cluster_agent_paused: '1',
    redis_cluster_agent_gate_open: '1',
    redis_cluster_agent_coordinator: '1',
  }
  t.strictSame(valuesOf(body, Object.keys(wanted)), wanted)
  t.notMatch(body, /^redis_master_link_up\{/m)
})

void t.test('slots are counted by the state of their owner', async t => {
  const nodes = parseNodes(tableOf(0, { 1: 'fail?', 2: 'fail' })).filter(
    node => !node.flags.has('myself'),
  )
  const own = parseNodes(tableOf(0)).filter(node => node.flags.has('myself'))
  const table = [...own.map(node => ({ ...node, slots: [[0, 5459] as const] })), ...nodes]
  const { body } = await createMetrics('1').scrape(
    snapshotOf({ server: answered(factsOf(0, { nodes: table })) }),
    '',
  )
  const wanted = {
    'redis_cluster_agent_slots{state="ok"}': '5460',
    'redis_cluster_agent_slots{state="pfail"}': '5462',
    'redis_cluster_agent_slots{state="fail"}': '5461',
    'redis_cluster_agent_slots{state="unassigned"}': '1',
    redis_cluster_agent_failed_nodes: '1',
    redis_cluster_slots_assigned: '16383',
  }
  t.strictSame(valuesOf(body, Object.keys(wanted)), wanted)
})

void t.test('a silent server leaves nothing behind but redis_up 0', async t => {
  const metrics = createMetrics('1')
  await metrics.scrape(followerSnapshot(3), '')
  const { body } = await metrics.scrape(followerSnapshot(3, { server: silent }), '')
  const names = [...series(body).keys()]
  t.equal(series(body).get('redis_up'), '0')
  t.strictSame(
    names.filter(name => name.startsWith('redis_') && !name.startsWith('redis_cluster_agent_')),
    ['redis_up'],
  )
  t.strictSame(
    names.filter(name => /^redis_cluster_agent_(role|slots|phase)/.test(name)),
    [],
  )
})

void t.test('a replica that becomes a master is no replica any more', async t => {
  const metrics = createMetrics('1')
  await metrics.scrape(followerSnapshot(3), '')
  const { body } = await metrics.scrape(snapshotOf(), '')
  t.notMatch(body, /redis_master_link_up\{|role="slave"|role="replica"/)
})

void t.test('counts go on, in both formats, in any order of scrapes', async t => {
  const metrics = createMetrics('1')
  metrics.planned('forming')
  metrics.planned('forming')
  metrics.acted('meet', true)
  metrics.acted('meet', false)
  metrics.cycled(0.02)
  const wanted = {
    'redis_cluster_agent_plans_total{phase="forming"}': '2',
    'redis_cluster_agent_actions_total{type="meet",result="done"}': '1',
    'redis_cluster_agent_actions_total{type="meet",result="failed"}': '1',
    'redis_cluster_agent_cycle_duration_seconds_bucket{le="0.05"}': '1',
    redis_cluster_agent_cycle_duration_seconds_count: '1',
  }
  for (const accept of ['', OPEN, '', OPEN]) {
    const { body } = await metrics.scrape(snapshotOf(), accept)
    t.strictSame(valuesOf(body, Object.keys(wanted)), wanted)
    const family = accept === '' ? 'plans_total' : 'plans'
    t.match(body, `# TYPE redis_cluster_agent_${family} counter\n`)
  }
})

void t.test('every series belongs to a family, and OpenMetrics has no empty line', async t => {
  const { body } = await createMetrics('1').scrape(snapshotOf(), OPEN)
  const families = [...body.matchAll(/^# TYPE (\S+) /gm)].map(match => match[1] ?? '')
  t.equal(new Set(families).size, families.length)
  for (const key of series(body).keys()) {
    const [name = ''] = key.split('{')
    const family = name.replace(/_(total|bucket|sum|count)$/, '')
    t.ok(families.includes(name) || families.includes(family), name)
  }
  t.notMatch(body, /\n\n/)
  t.match(body, /\n# EOF\n$/)
})
