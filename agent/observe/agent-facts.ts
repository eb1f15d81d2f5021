import type { Dataset } from '../cluster/dataset.ts'
import { asNodeId } from '../cluster/node-id.ts'
import type { AgentFacts } from '../cluster/view.ts'

const datasets: readonly Dataset[] = ['none', 'empty', 'present']

/**
 * `agent` of the body of `/status`, or null if it is not what an agent says. Only what tells who it
 * is must be there: during a rolling update agents of two versions talk to each other.
 */
export function parseAgentFacts(body: string): AgentFacts | null {
  const agent = field(parseJson(body), 'agent')
  const text = (name: string): string => {
    const value = field(agent, name)
    return typeof value === 'string' ? value : ''
  }
  const ordinal = field(agent, 'ordinal')
  const gateOpenMs = field(agent, 'gateOpenMs')
  const dataset = datasets.find(known => known === text('dataset'))
  if (text('pod') === '' || text('hostname') === '' || typeof ordinal !== 'number') return null
  return {
    pod: text('pod'),
    hostname: text('hostname'),
    ordinal,
    nodeId: asNodeId(text('nodeId')),
    podUid: text('podUid'),
    node: text('node'),
    zone: text('zone'),
    revision: text('revision'),
    terminating: field(agent, 'terminating') === true,
    paused: field(agent, 'paused') === true,
    gateOpenMs: typeof gateOpenMs === 'number' ? gateOpenMs : null,
    gateBecause: text('gateBecause'),
    ...(field(agent, 'apiAway') === true ? { apiAway: true } : {}),
    ...(dataset === undefined ? {} : { dataset }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
