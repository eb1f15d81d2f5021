import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { HTTP_PORT, REDIS_PORT, type Pod } from '../../local/pod.ts'

const BUS_PORT = REDIS_PORT + 10_000

type Pods = readonly Pod[]

/** One line of nftables: what becomes of a packet that arrives. */
export type Rule = string

const set = (pods: Pods): string => `{ ${pods.map(({ address }) => address).join(', ')} }`

/** Nothing that these send reaches those. */
export const deaf = (from: Pods, to: Pods, what = ''): Rule =>
  `ip saddr ${set(from)} ip daddr ${set(to)} ${what} counter drop`

/** Nothing passes between the two sides. */
export const apart = (some: Pods, others: Pods): Rule[] => [deaf(some, others), deaf(others, some)]

/** No gossip passes between the two sides; clients and agents do. */
export const withoutBus = (some: Pods, others: Pods): Rule[] =>
  [`tcp dport ${BUS_PORT}`, `tcp sport ${BUS_PORT}`].flatMap(what => [
    deaf(some, others, what),
    deaf(others, some, what),
  ])

/** Nobody of these reaches the agent of that pod; it reaches theirs. */
export const withoutHttp = (pod: Pod, others: Pods): Rule[] => [
  deaf(others, [pod], `tcp dport ${HTTP_PORT}`),
]

/** So many of a hundred packets between different pods are lost. */
export const lossy = (pods: Pods, percent: number): Rule[] =>
  pods.map(pod =>
    deaf(
      [pod],
      pods.filter(other => other !== pod),
      `numgen random mod 100 < ${percent}`,
    ),
  )

/** Breaks the network until `heal` is called; no other fault may last. */
export function breakNetwork(rules: readonly Rule[]): void {
  const input = `table inet faults {
    chain input {
      type filter hook input priority 0
      ${rules.join('\n')}
    }
  }
`
  execFileSync('nft', ['-f', '-'], { input, stdio: ['pipe', 'ignore', 'inherit'] })
}

/**
 * The network is whole again.
 * @throws if no rule of the fault met a packet: then the test has tested nothing.
 */
export function healNetwork(): void {
  const rules = execFileSync('nft', ['list', 'table', 'inet', 'faults'], { encoding: 'utf8' })
  execFileSync('nft', ['delete', 'table', 'inet', 'faults'])
  if (!/counter packets [1-9]/.test(rules)) throw new Error(`nothing was broken by ${rules}`)
}

/** How long a connection takes from the address of the one to the server of the other. */
export async function dialMs(from: Pod, to: Pod): Promise<number> {
  const startedMs = performance.now()
  const socket = connect({ host: to.address, port: REDIS_PORT, localAddress: from.address })
  await once(socket, 'connect')
  socket.destroy()
  return performance.now() - startedMs
}

/**
 * Holds every packet between different pods for so long. Gives what ends that, or a sentence that
 * says why this machine cannot do it.
 */
export async function delayNetwork(
  t: Test,
  pods: Pods,
  delayMs: number,
): Promise<(() => void) | string> {
  const script = fileURLToPath(new URL('network-delay.pl', import.meta.url))
  const holder = spawn('perl', [script, String(delayMs)], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => holder.kill('SIGKILL'))
  let complaint = ''
  holder.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const isReady = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'close').then(() => false),
    once(holder, 'error').then(() => false),
  ])
  if (!isReady) return `packets cannot be held: ${complaint || 'there is no perl'}`
  const iptables = (...args: string[]) =>
    execFileSync('iptables', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    for (const { address } of pods)
      iptables('-A', 'INPUT', '-s', address, '-d', address, '-j', 'ACCEPT')
    const all = pods.map(({ address }) => address).join(',')
    iptables('-A', 'INPUT', '-s', all, '-d', all, '-j', 'NFQUEUE', '--queue-num', '0')
  } catch (error) {
    return `packets cannot be held: ${(error as Error).message}`
  }
  return () => {
    iptables('-F', 'INPUT')
    holder.kill('SIGKILL')
  }
}
