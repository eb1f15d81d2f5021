import { podsOf } from '../cluster/pods.ts'
import type { PodView } from '../cluster/view.ts'
import type { Config } from '../config.ts'
import type { Resolver } from '../observe/dns/resolver.ts'
import { withinMs } from '../observe/time-box.ts'
import { askPeers, type PeerSource } from './ask-peers.ts'

/** DNS that is slower than this is asked again at the next try. */
const NAMES_MS = 2000

/** The other pods, and whether these are all that there are. */
export type Peers = { readonly pods: readonly PodView[]; readonly areNamed: boolean }

type Names = { readonly hostnames: readonly string[]; readonly areNamed: boolean }

type PeersDeps = PeerSource & {
  readonly resolver: Pick<Resolver, 'hostsOf'>
  readonly config: Pick<Config, 'podName' | 'statefulSet' | 'serviceDomain' | 'pods' | 'kubernetes'>
}

/** Asks the pods that nodes.conf names and, where servers count, every other one of the cluster. */
export function createPeers(deps: PeersDeps) {
  const { statefulSet, serviceDomain, podName, pods, kubernetes } = deps.config
  const own = `${podName}.${serviceDomain}`
  // With the API it is spec.replicas that counts, and DNS is who knows what came of it.
  const expected = kubernetes === 'off' ? podsOf(statefulSet, serviceDomain, { below: pods }) : []

  /** A Service may select foreign pods too; they have other names. */
  function isOurs(hostname: string): boolean {
    const [name = '', ...domain] = hostname.split('.')
    const ordinal = name.startsWith(`${statefulSet}-`) ? name.slice(statefulSet.length + 1) : ''
    return domain.join('.') === serviceDomain && /^\d+$/.test(ordinal)
  }

  async function namesInDns(signal: AbortSignal): Promise<Names> {
    const answer = await withinMs(NAMES_MS, signal, box =>
      deps.resolver.hostsOf(`${serviceDomain}.`, box),
    ).catch(() => ({ state: 'failed' }) as const)
    const hosts = answer.state === 'found' ? answer.hosts : []
    const areNamed = answer.state !== 'failed' || expected.length > 0
    return { hostnames: hosts.map(({ name }) => name).filter(isOurs), areNamed }
  }

  return async (
    known: readonly string[],
    withServers: boolean,
    signal: AbortSignal,
  ): Promise<Peers> => {
    const { hostnames, areNamed } = withServers
      ? await namesInDns(signal)
      : { hostnames: [], areNamed: true }
    const names = new Set([...known, ...expected.map(pod => pod.hostname), ...hostnames])
    names.delete(own)
    return { pods: await askPeers(deps, [...names], withServers, signal), areNamed }
  }
}
