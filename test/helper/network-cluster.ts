import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { countSlots, SLOT_COUNT } from '../../agent/cluster/slots.ts'
import type { LocalCluster } from '../../local/cluster.ts'
import type { Pod } from '../../local/pod.ts'
import { assertKept, startWithKeys, HEAL_MS } from '../integration/heal-cluster.ts'
import type { TestClusterOptions } from './cluster.ts'
import { startWitness, type Witness } from './network-witness.ts'
import { serverPath } from './servers.ts'
import { until, untilIs } from './until.ts'

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** One thing that an agent did, or tried to do, on a server. */
export type Deed = {
  readonly by: string
  /** The ordinal of the pod that it was done to. */
  readonly to: number
  readonly action: string
}

export type Broken = {
  readonly cluster: LocalCluster
  readonly ids: readonly (string | null)[]
  readonly witness: Witness
  /** What the agents did since the cluster stood. */
  readonly deeds: () => Deed[]
}

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').filter(Boolean)

function deedOf(by: string, line: string): Deed | null {
  if (!/"event":"action\.(done|failed)"/.test(line)) return null
  const { action } = JSON.parse(line) as { action: string }
  return { by, to: Number(/^pod (\d+):/.exec(action)?.[1]), action }
}

/** A healthy cluster with keys, a witness that writes to it, and packets that say whose they are. */
export async function startInNetwork(t: Test, options: TestClusterOptions): Promise<Broken> {
  const { cluster, ids } = await startWithKeys(t, {
    ...options,
    env: {
      SERVER: fileOf('network-server.sh'),
      REAL_SERVER: serverPath(options.server),
      NODE_OPTIONS: `--require="${fileOf('network-source.cjs')}"`,
      ...options.env,
    },
  })
  const logs = cluster.pods.map(pod => ({ by: pod.name, path: pod.logOf('agent') }))
  const seen = new Map(logs.map(({ path }) => [path, linesOf(path).length]))
  const witness = startWitness(t, cluster)
  await witness.untilAllAcknowledge(HEAL_MS)
  const deeds = () =>
    logs.flatMap(({ by, path }) =>
      linesOf(path)
        .slice(seen.get(path))
        .flatMap(line => deedOf(by, line) ?? []),
    )
  return { cluster, ids, witness, deeds }
}

/** Every master with its replica, by the masters' ordinals. */
export async function shardsOf(
  cluster: LocalCluster,
): Promise<{ readonly master: Pod; readonly replica: Pod }[]> {
  const { pods } = await cluster.status()
  return pods
    .filter(({ role }) => role === 'master')
    .map(({ name, shard }) => {
      const replica = pods.find(pod => pod.role === 'replica' && pod.shard === shard)
      if (!replica) throw new Error(`${name} has no replica`)
      return { master: cluster.pod(name), replica: cluster.pod(replica.name) }
    })
}

/** The role of the pod's server, and what it calls the cluster. */
export async function viewOf(cluster: LocalCluster, { name }: Pod): Promise<string> {
  const info = String(await cluster.command(name, 'CLUSTER', 'INFO'))
  const role = String(await cluster.command(name, 'ROLE')).split(',')[0]
  return `${role} ${/^cluster_state:(\w+)/m.exec(info)?.[1]}`
}

/** Waits until the server of the pod is that, as `master ok`. */
export const untilViewIs = (cluster: LocalCluster, pod: Pod, view: string): Promise<string> =>
  untilIs(
    () => viewOf(cluster, pod),
    seen => seen === view,
    { what: `${pod.name} is ${view}`, deadlineMs: HEAL_MS },
  )

/** What only people, votes and proofs may bring about; a network that fails is none of them. */
const wrong = /FAILOVER|takes slots|ADDSLOTS|SET-CONFIG-EPOCH|FORGET|REPLICATE/

/** Whatever an agent must not have done because of the network, as sentences. */
export const wrongDeeds = (deeds: readonly Deed[]): string[] =>
  deeds
    .filter(({ by, to, action }) => wrong.test(action) && !isOwnReplicate(by, to, action))
    .map(({ by, action }) => `${by} did ${action}`)

/** A replica that asks its own master again changes nothing. */
const isOwnReplicate = (by: string, to: number, action: string): boolean =>
  by.endsWith(`-${to}`) && /REPLICATE/.test(action)

/** Whatever the agents of these pods did to other pods than their own, as sentences. */
export const foreignDeeds = (deeds: readonly Deed[], pods: readonly Pod[]): string[] =>
  deeds
    .filter(({ by, to }) => pods.some(({ name }) => name === by) && !by.endsWith(`-${to}`))
    .map(({ by, action }) => `${by} did ${action}`)

/** The network is whole: one cluster, of the same nodes, with each slot and every key once. */
export async function assertHealed(
  t: Test,
  { cluster, ids, witness, deeds }: Broken,
  what: string,
): Promise<void> {
  await assertKept(t, cluster, { what, ids })
  await witness.untilAllAcknowledge(HEAL_MS)
  const { pods } = await cluster.status()
  const owned = pods.reduce((sum, { slots }) => sum + countSlots(slots), 0)
  t.equal(owned, SLOT_COUNT, `${what}: each slot has one owner`)
  t.strictSame(wrongDeeds(deeds()), [], `${what}: no agent took over, gave, or forgot`)
  const count = witness.acknowledged()
  t.strictSame(await witness.lost(), [], `${what}: all ${count} acknowledged keys are there`)
  // The witness went on until here, so nothing may have come apart again.
  await until(async () => (await cluster.status()).state === 'ok', {
    what: 'the cluster is healthy to the end',
    deadlineMs: HEAL_MS,
  })
}
