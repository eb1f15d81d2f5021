import { myself, parseNodes, type ClusterNode } from '../agent/cluster/nodes.ts'
import type { NodeId } from '../agent/cluster/node-id.ts'
import { countSlots, SLOT_COUNT, type SlotRange } from '../agent/cluster/slots.ts'
import { get } from './http-get.ts'
import { HTTP_PORT, REDIS_PORT, type Pod } from './pod.ts'
import { withServer } from './redis-call.ts'

/** One pod as `status --json` prints it. */
export type PodStatus = {
  readonly name: string
  readonly ordinal: number
  readonly ip: string
  readonly port: number
  readonly httpPort: number
  readonly ready: boolean
  readonly role: 'master' | 'replica' | null
  /** Lowest ordinal among the pods of its shard. */
  readonly shard: number | null
  readonly nodeId: NodeId | null
  readonly slots: readonly SlotRange[]
}

/**
 * `ok`: every server says so, every pod is ready and every replica linked. `degraded`: every slot
 * is served all the same. `fail`: some slot is not.
 */
export type ClusterStatus = {
  readonly state: 'ok' | 'degraded' | 'fail'
  readonly pods: readonly PodStatus[]
  readonly coordinator: string | null
}

type Asked = {
  readonly pod: Pod
  readonly ordinal: number
  readonly own: ClusterNode | undefined
  readonly ok: boolean
  readonly known: number
  readonly linked: boolean
  readonly alive: boolean
}

const PATIENCE_MS = 2000

async function ask(pod: Pod): Promise<Asked> {
  const ordinal = Number(/\d+$/.exec(pod.name)?.[0] ?? 0)
  const agent = get(pod.address, HTTP_PORT, '/status', PATIENCE_MS)
  const answers = await withServer(pod.address, pod.env, redis =>
    Promise.all([
      redis.cluster('NODES') as Promise<string>,
      redis.cluster('INFO'),
      redis.info('replication'),
    ]),
  ).catch(() => null)
  const alive = (await agent)?.status === 200
  if (!answers) return { pod, ordinal, alive, own: undefined, ok: false, known: 0, linked: false }
  const [nodes, info, replication] = answers
  return {
    pod,
    ordinal,
    alive,
    own: myself(parseNodes(nodes)),
    ok: /^cluster_state:ok\r?$/m.test(info),
    known: Number(/^cluster_known_nodes:(\d+)/m.exec(info)?.[1] ?? 0),
    linked: /^role:master/m.test(replication) || /^master_link_status:up/m.test(replication),
  }
}

/** Asks every pod's server and agent what they are, and puts it together. */
export async function readStatus(pods: readonly Pod[], wanted: number): Promise<ClusterStatus> {
  const asked = await Promise.all(pods.map(ask))
  const shardKey = ({ own }: Asked) => (own?.role === 'replica' ? own.masterId : own?.id)
  const shardOf = (one: Asked): number | null => {
    const key = shardKey(one)
    if (!key) return null
    return Math.min(...asked.filter(other => shardKey(other) === key).map(other => other.ordinal))
  }
  const served = asked.flatMap(({ own }) => (own?.role === 'master' ? own.slots : []))
  const all = countSlots(served) === SLOT_COUNT
  const good = ({ own, ok, linked, known, pod }: Asked) =>
    own !== undefined && ok && linked && known === asked.length && pod.ready && !pod.terminating
  const ok = all && asked.length === wanted && asked.every(good)
  const servedAnyway = all && asked.some(({ ok }) => ok)
  return {
    state: ok ? 'ok' : servedAnyway ? 'degraded' : 'fail',
    pods: asked.map(one => ({
      name: one.pod.name,
      ordinal: one.ordinal,
      ip: one.pod.address,
      port: Number(one.pod.env['REDIS_PORT'] ?? REDIS_PORT),
      httpPort: HTTP_PORT,
      ready: one.pod.ready,
      role: one.own?.role ?? null,
      shard: shardOf(one),
      nodeId: one.own?.id ?? null,
      slots: one.own?.role === 'master' ? one.own.slots : [],
    })),
    coordinator: asked.find(({ alive }) => alive)?.pod.name ?? null,
  }
}
