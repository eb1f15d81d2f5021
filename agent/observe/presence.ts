import type { AgentFacts, Pod } from '../cluster/view.ts'
import type { Resolver } from './dns/resolver.ts'
import { readAgent } from './read-agent.ts'
import type { Agent as HttpAgent } from 'node:http'

export type PresenceDeps = {
  readonly resolver: Pick<Resolver, 'addressesOf'>
  readonly httpPort: number
  readonly timeoutMs: number
  readonly http: HttpAgent
}

/** Who coordinates, as far as this agent sees. */
export type Presence = {
  /** The agent that does; null if there is none, and so the own one does. */
  readonly lower: AgentFacts | null
  /** Whether DNS answered for all that were asked: only then is nobody really nobody. */
  readonly isSure: boolean
}

/**
 * The agent with the lowest ordinal below the own one that is alive. Asks from 0 upwards and stops at
 * the first that answers, so that in a healthy cluster everybody asks one agent. DNS that fails
 * counts as nobody: without DNS nothing can be done to a cluster anyway, and the plan says why.
 *
 * One that says that the API is away is passed over for the next, which may reach it; no more than
 * one, or an API that is away for all would make every agent ask it.
 */
export async function lowestLiving(
  deps: PresenceDeps,
  below: readonly Pod[],
  signal: AbortSignal,
): Promise<Presence> {
  let isSure = true
  let passedOver = false
  for (const { hostname } of below) {
    const answer = await deps.resolver
      .addressesOf(`${hostname}.`, signal)
      .catch(() => ({ state: 'failed' }) as const)
    if (answer.state === 'failed') isSure = false
    if (answer.state !== 'found' || answer.addresses[0] === undefined) continue
    const agent = await readAgent({
      address: answer.addresses[0],
      port: deps.httpPort,
      hostname,
      timeoutMs: deps.timeoutMs,
      signal,
      http: deps.http,
    })
    if (agent.state !== 'answered') continue
    if (agent.facts.apiAway !== true || passedOver) return { lower: agent.facts, isSure }
    passedOver = true
  }
  return { lower: null, isSure }
}
