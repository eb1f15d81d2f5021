import { Agent as HttpAgent } from 'node:http'
import { myself } from '../cluster/nodes.ts'
import type {
  AgentFacts,
  AgentView,
  ClusterView,
  Pod,
  PodRulesView,
  PodView,
  ServerView,
} from '../cluster/view.ts'
import { messageOf } from '../errors.ts'
import type { Connections } from '../redis/connections.ts'
import type { Resolver } from './dns/resolver.ts'
import { hostnamesInDoubt } from './doubt.ts'
import { paced } from './paced.ts'
import { askAgent } from './read-agent.ts'
import type { AgentAnswer } from './read-agent.ts'
import { withinMs } from './time-box.ts'

export type ObserverDeps = {
  readonly resolver: Pick<Resolver, 'addressesOf'>
  readonly connections: Pick<Connections, 'readServer' | 'whoIs'>
  readonly podIp: string
  readonly httpPort: number
  readonly serviceDomain: string
  /** What this agent says about its own pod. */
  readonly ownFacts: () => AgentFacts
  /** Monotonic clock. */
  readonly nowMs: () => number
  readonly dnsTimeoutMs?: number
  readonly serverTimeoutMs?: number
  readonly agentTimeoutMs?: number
}

export type Observer = {
  /** Asks DNS, agent and server of every pod; one that is slow is silent after its time. */
  observeCluster(pods: readonly Pod[], signal: AbortSignal): Promise<ClusterView>
  /** Asks the own server, and who lives where the peers should be that it has lost. */
  observePod(pod: Pod, peersNeeded: boolean, signal: AbortSignal): Promise<PodRulesView>
  close(): void
}

type Address =
  | { readonly state: 'found'; readonly address: string }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly because: string }

/** Up to so many pods are asked at once; a small CPU would be slower with all of a large cluster. */
const pace = { limit: 32, slowMs: 250 }

/** The eyes of the loop. It keeps connections, and nothing that it saw. */
export function createObserver(deps: ObserverDeps): Observer {
  const { dnsTimeoutMs = 2000, serverTimeoutMs = 1000, agentTimeoutMs = 2000 } = deps
  const http = new HttpAgent({ keepAlive: true, maxFreeSockets: 1 })

  async function addressOf(hostname: string, signal: AbortSignal): Promise<Address> {
    try {
      const answer = await withinMs(dnsTimeoutMs, signal, box =>
        deps.resolver.addressesOf(`${hostname}.`, box),
      )
      if (answer.state !== 'found') return answer
      const [address] = answer.addresses
      return address === undefined ? { state: 'absent' } : { state: 'found', address }
    } catch (error) {
      return { state: 'failed', because: messageOf(error) }
    }
  }

  async function serverAt(address: string, signal: AbortSignal): Promise<ServerView> {
    try {
      return await withinMs(serverTimeoutMs, signal, box =>
        deps.connections.readServer(address, box),
      )
    } catch (error) {
      return silent(messageOf(error))
    }
  }

  async function podAt(pod: Pod, address: string, signal: AbortSignal): Promise<PodView> {
    const [answer, server] = await Promise.all([
      askAgent({
        address,
        port: deps.httpPort,
        hostname: pod.hostname,
        timeoutMs: agentTimeoutMs,
        signal,
        http,
      }),
      serverAt(address, signal),
    ])
    return { pod, address, agent: agentView(answer), server: believed(pod, answer, server) }
  }

  async function observeCluster(pods: readonly Pod[], signal: AbortSignal): Promise<ClusterView> {
    const failures = new Map<Pod, string>()
    const views = await paced(pods, pace, async pod => {
      const found = await addressOf(pod.hostname, signal)
      if (found.state === 'found') return podAt(pod, found.address, signal)
      if (found.state === 'failed') failures.set(pod, `${pod.hostname}: ${found.because}`)
      const because = found.state === 'failed' ? 'DNS does not answer' : 'DNS does not name it'
      return { pod, address: null, agent: silent(because), server: silent(because) }
    })
    signal.throwIfAborted()
    // Not the first to fail: that would be another one each cycle, and each time a new line in the log.
    const first = pods.find(pod => failures.has(pod))
    const dnsFailure = (first && failures.get(first)) ?? null
    return { pods: views, dnsFailure, nowMs: deps.nowMs() }
  }

  async function peerAt(hostname: string, signal: AbortSignal): Promise<PodRulesView['peers']> {
    const found = await addressOf(hostname, signal)
    if (found.state !== 'found') return []
    const { address } = found
    const nodeId = await withinMs(serverTimeoutMs, signal, box =>
      deps.connections.whoIs(address, box),
    )
    return [{ hostname, address, nodeId }]
  }

  async function observePod(
    pod: Pod,
    peersNeeded: boolean,
    signal: AbortSignal,
  ): Promise<PodRulesView> {
    const address = deps.podIp
    const server = await serverAt(address, signal)
    signal.throwIfAborted()
    const names =
      peersNeeded && server.state === 'answered'
        ? hostnamesInDoubt(server.facts, deps.serviceDomain)
        : []
    const peers = await paced(names, pace, name => peerAt(name, signal))
    signal.throwIfAborted()
    const agent = { state: 'answered', facts: deps.ownFacts() } as const
    return { own: { pod, address, agent, server }, peers: peers.flat(), nowMs: deps.nowMs() }
  }

  return { observeCluster, observePod, close: () => http.destroy() }
}

const silent = (because: string) => ({ state: 'silent', because }) as const

/** Another pod's agent is as silent about this pod as none. */
export const agentView = (answer: AgentAnswer): AgentView =>
  answer.state === 'other' ? silent(answer.because) : answer

/**
 * DNS may still name an address that another pod has by now. The agent there says whose it is;
 * where none answers, the server's own announced hostname does, and nothing else does.
 */
export function believed(pod: Pod, agent: AgentAnswer, server: ServerView): ServerView {
  if (agent.state === 'answered' || server.state === 'silent') return server
  if (agent.state === 'other') return silent(`the address answers as another pod: ${agent.because}`)
  if (server.state !== 'answered')
    return silent(`nothing proves that it is this pod's server; ${server.because}`)
  const announced = myself(server.facts.nodes)?.hostname ?? ''
  if (announced === pod.hostname) return server
  const who = announced === '' ? 'no hostname' : announced
  return silent(`the agent is silent, and the server announces ${who}`)
}
