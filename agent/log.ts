import { pino } from 'pino'

/** The closed list of event names, each with its constant message. API: people search for them. */
export const events = {
  'agent.started': 'the agent runs',
  'agent.stopped': 'the agent ends',
  'init.done': 'the pod is prepared',
  'init.ignored': "a line of the user's redis.conf does not count",
  'coordinator.gained': 'this agent coordinates the cluster now',
  'coordinator.lost': 'another agent coordinates the cluster now',
  'plan.changed': 'the cluster needs something else than before',
  'pod.planChanged': 'this pod needs something else than before',
  'action.done': 'done',
  'action.failed': 'an action failed; the next cycle plans anew',
  'cycle.failed': 'a cycle failed; the next one starts anew',
  'gate.opened': 'the server may start',
  'gate.held': 'the server has to wait',
  'gate.repaired': 'nodes.conf was repaired before the start',
  'gate.setAside': 'a file was set aside before the start',
  'api.away': 'the Kubernetes API does not answer',
  'api.answered': 'the Kubernetes API answers again',
  'api.refused': 'the Kubernetes API refused a call',
  'label.changed': 'the labels of a pod were changed',
  'event.told': 'an event was recorded',
  'stranger.seen': 'a node that is not ours was seen',
} as const

/** One of the names in `events`. */
export type EventName = keyof typeof events

/** A line for each changed decision and each action; never a key, a value or a password. */
export type Log = {
  readonly [level in 'debug' | 'info' | 'warn' | 'error']: (
    event: EventName,
    fields?: Readonly<Record<string, unknown>>,
  ) => void
}

/** A log that writes JSON lines to standard output, each with `event` and its constant `msg`. */
export function createLog(level: string, pod: string): Log {
  const base = pino({
    level,
    base: { pod },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: name => ({ level: name }) },
  })
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (event: EventName, fields: Readonly<Record<string, unknown>> = {}): void =>
      base[level]({ event, ...fields }, events[event])
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
