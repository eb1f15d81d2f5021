import { listPods } from '../cluster.ts'
import { check, type Context, type Measured } from '../scenario.ts'

export const name = 'probes-and-metrics'

/** What published dashboards for redis_exporter and the alerts on the agent need. */
const wanted = [
  'redis_up',
  'redis_instance_info',
  'redis_cluster_state',
  'redis_cluster_slots_ok',
  'redis_cluster_known_nodes',
  'redis_connected_slaves',
  'redis_uptime_in_seconds',
  'redis_cluster_agent_info',
  'redis_cluster_agent_role',
  'redis_cluster_agent_coordinator',
  'redis_cluster_agent_loop_age_seconds',
  'redis_cluster_agent_lost_slots',
]

const sample = /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? -?([0-9.eE+-]+|NaN|\+?Inf)( \d+)?$/

/** Samples by series name. @throws for a line that Prometheus would refuse. */
function parseMetrics(text: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n').filter(one => one !== '' && !one.startsWith('#'))) {
    check(sample.test(line), `not a sample: ${line}`)
    const value = Number(line.slice(line.lastIndexOf(' ') + 1))
    found.set(line.split(/[{ ]/)[0] ?? '', value)
  }
  return found
}

/** The probes as the kubelet asks, the metrics as Prometheus asks: from another pod, by address. */
export async function run(context: Context): Promise<Measured> {
  const { load, ...cluster } = await context.cluster()
  const pods = await listPods(cluster)
  let series = 0
  let coordinators = 0
  for (const { metadata, status } of pods) {
    const base = `http://${status.podIP ?? ''}:9121`
    for (const [path, type] of [
      ['/livez', 'text/plain'],
      ['/readyz', 'text/plain'],
      ['/readyz?verbose', 'text/plain'],
      ['/status', 'application/json'],
      ['/', 'text/html'],
      ['/metrics', 'text/plain'],
    ] as const) {
      const answer = await load.fetch(`${base}${path}`)
      const where = `${metadata.name} ${path}`
      check(answer.status === 200, `${where} answers ${answer.status}: ${answer.body}`)
      check(answer.type.startsWith(type), `${where} is ${answer.type}`)
      if (path !== '/metrics') continue
      const metrics = parseMetrics(answer.body)
      for (const one of wanted) check(metrics.has(one), `${metadata.name} has no ${one}`)
      check(metrics.get('redis_cluster_known_nodes') === pods.length, `${where}: known nodes`)
      series = metrics.size
      coordinators += metrics.get('redis_cluster_agent_coordinator') ?? 0
    }
    const foreign = await load.fetch(`${base}/pause`)
    check(foreign.status === 404, `${metadata.name} answers ${foreign.status} for /pause`)
  }
  check(coordinators === 1, `${coordinators} agents say that they coordinate`)
  return { pods: pods.length, 'series a pod': series, coordinators }
}
