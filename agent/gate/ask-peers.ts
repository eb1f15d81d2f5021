import type { Pod, PodView, ServerView } from '../cluster/view.ts'
import { messageOf } from '../errors.ts'
import type { Resolver } from '../observe/dns/resolver.ts'
import { agentView, believed } from '../observe/observe.ts'
import type { AgentAnswer } from '../observe/read-agent.ts'
import { withinMs } from '../observe/time-box.ts'

/** A pod that does not answer in this time is asked again at the next try. */
const ASK_MS = 400

/** How to reach other pods: DNS, their agents and their servers. */
export type PeerSource = {
  readonly resolver: Pick<Resolver, 'addressesOf'>
  readonly askAgent: (question: {
    readonly address: string
    readonly port: number
    readonly hostname: string
    readonly timeoutMs: number
    readonly signal: AbortSignal
  }) => Promise<AgentAnswer>
  readonly readServer: (address: string, signal: AbortSignal) => Promise<ServerView>
  readonly httpPort: number
}

const silent = (because: string) => ({ state: 'silent', because }) as const
/** The pod that a full name stands for; null if it names none. */
export function podOf(hostname: string): Pod | null {
  const name = hostname.split('.')[0] ?? ''
  const ordinal = /-(\d+)$/.exec(name)?.[1]
  return ordinal === undefined ? null : { name, hostname, ordinal: Number(ordinal) }
}

async function askPod(
  source: PeerSource,
  pod: Pod,
  withServer: boolean,
  signal: AbortSignal,
): Promise<PodView> {
  const { hostname } = pod
  const answer = await source.resolver.addressesOf(`${hostname}.`, signal)
  const address = answer.state === 'found' ? (answer.addresses[0] ?? null) : null
  if (address === null) {
    const because = answer.state === 'failed' ? answer.because : `DNS has no ${hostname}`
    return { pod, address, agent: silent(because), server: silent(because) }
  }
  const question = { address, port: source.httpPort, hostname, timeoutMs: ASK_MS, signal }
  const [agent, server] = await Promise.all([
    source.askAgent(question),
    withServer
      ? source.readServer(address, signal).catch(error => silent(messageOf(error)))
      : silent('not asked'),
  ])
  return { pod, address, agent: agentView(agent), server: believed(pod, agent, server) }
}

/**
 * What every pod of these names says, all asked side by side, each within 400 ms. A pod that does
 * not answer, whose name DNS does not have, or whose address is another pod's by now, is an entry
 * that says so.
 */
export function askPeers(
  source: PeerSource,
  hostnames: readonly string[],
  withServers: boolean,
  signal: AbortSignal,
): Promise<PodView[]> {
  const pods = hostnames.flatMap(hostname => podOf(hostname) ?? [])
  return Promise.all(
    pods.map(async pod => {
      try {
        return await withinMs(ASK_MS, signal, box => askPod(source, pod, withServers, box))
      } catch (error) {
        const because = messageOf(error)
        return { pod, address: null, agent: silent(because), server: silent(because) }
      }
    }),
  )
}
