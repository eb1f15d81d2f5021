import { Counter, Histogram, Registry } from 'prom-client'
import type { Action, Phase } from '../plan/action.ts'
import { agentGauges, setAgentGauges } from './agent-gauges.ts'
import { serverGauges, setServerGauges } from './server-gauges.ts'
import type { AgentSnapshot } from './snapshot.ts'

/** What `/metrics` answers with. */
export type Scrape = { readonly contentType: string; readonly body: string }

/** The counts that only the loop knows, and the text of everything. */
export type Metrics = {
  /** A plan was made that differs from the one before. */
  planned(phase: Phase): void
  /** An action ended. */
  acted(type: Action['type'], ok: boolean): void
  /** A cycle of the loop ended. */
  cycled(seconds: number): void
  scrape(snapshot: AgentSnapshot, accept: string): Promise<Scrape>
}

/**
 * The same as OpenMetrics: a counter's family is named without `_total`, no blank lines, an end.
 * Not left to prom-client: it renames a counter for good at the first OpenMetrics scrape, and the
 * text format of every later scrape is wrong.
 */
const openMetrics = (text: string): string =>
  `${text
    .replace(/^# (HELP|TYPE) (\S+)_total /gm, '# $1 $2 ')
    .replace(/\n{2,}/g, '\n')
    .trimEnd()}\n# EOF\n`

/**
 * Every series of this agent and of its server. The server's stand in a registry of their own, which
 * is left out while it is silent: an alert must see an absent series, not the last value.
 */
export function createMetrics(version: string): Metrics {
  const agent = new Registry()
  const server = new Registry()
  const ofAgent = agentGauges(agent)
  const ofServer = serverGauges(server)
  const registers = [agent]
  const plans = new Counter({
    name: 'redis_cluster_agent_plans_total',
    help: 'Changed plans, by the phase that they began',
    labelNames: ['phase'],
    registers,
  })
  const actions = new Counter({
    name: 'redis_cluster_agent_actions_total',
    help: 'Actions that ended, by type and result',
    labelNames: ['type', 'result'],
    registers,
  })
  const cycles = new Histogram({
    name: 'redis_cluster_agent_cycle_duration_seconds',
    help: 'How long a cycle of the loop took',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  })

  return {
    planned: phase => plans.inc({ phase }),
    acted: (type, ok) => actions.inc({ type, result: ok ? 'done' : 'failed' }),
    cycled: seconds => cycles.observe(seconds),
    async scrape(snapshot, accept) {
      setAgentGauges(ofAgent, snapshot, version)
      let text = await agent.metrics()
      if (snapshot.server.state === 'answered') {
        setServerGauges(ofServer, snapshot.server.facts)
        text += await server.metrics()
      }
      return accept.includes('application/openmetrics-text')
        ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: openMetrics(text) }
        : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: text }
    },
  }
}
