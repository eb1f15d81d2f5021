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

/**
 * The agent with the lowest ordinal below the own one that is alive, or null if there is none and so
 * the own one coordinates. Asks from 0 upwards and stops at the first that answers, so that in a
 * healthy cluster everybody asks one agent. DNS that fails counts as nobody: without DNS nothing can
 * be done to a cluster anyway, and the plan says why.
 */
export async function lowestLiving(
  deps: PresenceDeps,
  below: readonly Pod[],
  signal: AbortSignal,
): Promise<AgentFacts | null> {
  for (const { hostname } of below) {
    const answer = await deps.resolver.addressesOf(`${hostname}.`, signal).catch(() => null)
    if (answer?.state !== 'found' || answer.addresses[0] === undefined) continue
    const agent = await readAgent({
      address: answer.addresses[0],
      port: deps.httpPort,
      hostname,
      timeoutMs: deps.timeoutMs,
      signal,
      http: deps.http,
    })
    if (agent.state === 'answered') return agent.facts
  }
  return null
}
