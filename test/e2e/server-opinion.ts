import { attempt } from './kubectl.ts'

/** What one server says, asked by its own command-line client in its own container. */
export type Opinion = {
  readonly pod: string
  readonly nodeId: string
  readonly role: 'master' | 'replica'
  /** Id of the master of this node's shard: its own for a master. */
  readonly shardId: string
  readonly state: string
  readonly slotsOk: number
  readonly ownSlots: number
  /** Ids of every node it knows, itself included. */
  readonly known: readonly string[]
  /** Nodes that are not `connected`, or carry a failure flag. */
  readonly troubled: number
  readonly linkUp: boolean
}

const cli = 'cli=$(command -v redis-cli || command -v valkey-cli);'
const question = `${cli} $cli cluster info; $cli info replication; echo; $cli cluster nodes`

function countSlots(fields: readonly string[]): number {
  return fields
    .filter(field => /^\d+(-\d+)?$/.test(field))
    .map(field => field.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0)
}

/** The opinion in what the client printed; null while it says nothing useful. */
export function parseOpinion(pod: string, text: string): Opinion | null {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
  const nodes = text
    .split(/\r?\n/)
    .filter(line => /^[0-9a-f]{40} /.test(line))
    .map(line => line.split(' '))
  const self = nodes.find(([, , flags]) => flags?.includes('myself'))
  const [nodeId, , flags, masterId, , , , link, ...slots] = self ?? []
  if (nodeId === undefined || flags === undefined || link === undefined) return null
  const isReplica = flags.includes('slave')
  return {
    pod,
    nodeId,
    role: isReplica ? 'replica' : 'master',
    shardId: isReplica ? (masterId ?? '') : nodeId,
    state: field('cluster_state') ?? '?',
    slotsOk: Number(field('cluster_slots_ok') ?? '0'),
    ownSlots: countSlots(slots),
    known: nodes.flatMap(([id]) => id ?? []),
    troubled: nodes.filter(
      ([, , flags = '', , , , , link]) =>
        /fail|handshake|noaddr/.test(flags) || link !== 'connected',
    ).length,
    linkUp: !isReplica || field('master_link_status') === 'up',
  }
}

/** Asks the server of a pod. */
export async function askServer(namespace: string, pod: string): Promise<Opinion | null> {
  const command = ['-n', namespace, 'exec', pod, '-c', 'redis', '--', 'sh', '-c', question]
  const { out } = await attempt(command, { timeoutMs: 20_000 })
  return parseOpinion(pod, out)
}

/** What is wrong with a cluster of that many pods, in one sentence; null if nothing is. */
export function unsettled(opinions: readonly (Opinion | null)[]): string | null {
  for (const opinion of opinions) {
    if (!opinion) return 'a server does not answer'
    const { pod, state, slotsOk, known, troubled, linkUp } = opinion
    if (state !== 'ok' || slotsOk !== 16_384) return `${pod} says ${state}, ${slotsOk} slots ok`
    if (known.length !== opinions.length) return `${pod} knows ${known.length} nodes`
    if (troubled > 0) return `${pod} is in doubt about ${troubled} nodes`
    if (!linkUp) return `${pod} has no link to its master`
  }
  const owners = opinions.filter(opinion => opinion?.role === 'master' && opinion.ownSlots > 0)
  return owners.length >= 3 ? null : `${owners.length} masters own slots`
}
