import { isDnsName } from './message.ts'
import type { DnsRecord, Question, Reply } from './message.ts'
import { ask } from './query.ts'
import { serverName } from './resolv-conf.ts'
import type { Server } from './resolv-conf.ts'
import type { Turns } from './turns.ts'

/** How long, how often and until when servers are asked. */
export type Limits = {
  readonly servers: readonly Server[]
  readonly timeoutMs: number
  readonly attempts: number
  /** On the monotonic clock (`performance.now()`), for all that belongs to one call. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly turns: Turns
}

/** What DNS as a whole says. Absent is a fact; failed is the lack of one. */
export type Found<T> =
  | { readonly state: 'found'; readonly records: readonly T[] }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly because: string }

type Whole =
  | { readonly state: 'answered'; readonly exists: boolean; readonly records: readonly DnsRecord[] }
  | { readonly state: 'failed'; readonly because: string }

const MAX_ALIASES = 8

/** Null if there is no time left for it. */
async function askInTime(
  server: Server,
  question: Question,
  { deadlineMs, timeoutMs, signal }: Limits,
): Promise<Reply | null> {
  const leftMs = deadlineMs - performance.now()
  if (leftMs <= 0 || signal.aborted) return null
  return ask(server, question, Math.min(timeoutMs, leftMs), signal)
}

/**
 * Asks the servers in their order until one answers. Only a silent one is asked again in the next
 * round (its packet may be lost); one that answered with an error would say the same at once.
 */
async function askServers(question: Question, limits: Limits): Promise<Whole> {
  const complaints = new Map<Server, string>()
  let candidates = limits.servers
  for (let round = 0; round < limits.attempts && candidates.length > 0; round++) {
    const silent: Server[] = []
    for (const server of candidates) {
      const reply = await limits.turns(() => askInTime(server, question, limits))
      if (reply === null) break
      if (reply.state === 'answered') return reply
      complaints.set(server, reply.because)
      if (reply.state === 'silent') silent.push(server)
    }
    candidates = silent
  }
  const why = limits.signal.aborted ? 'was given up' : 'was not asked, time is up'
  const each = limits.servers.map(
    server => `${serverName(server)} ${complaints.get(server) ?? why}`,
  )
  return { state: 'failed', because: `${question.type} ${question.name}: ${each.join(', ')}` }
}

/** Whether the record is one of the type that was asked for. */
type IsWanted<T extends DnsRecord> = (record: DnsRecord) => record is T

/**
 * Looks one absolute name up. Aliases (CNAME) are followed inside an answer and, where an answer
 * ends with one, by another question; a loop, or more than 8 of them, is a failure.
 */
export async function lookUp<T extends DnsRecord>(
  question: Question,
  isWanted: IsWanted<T>,
  limits: Limits,
): Promise<Found<T>> {
  const { type } = question
  const fail = (because: string): Found<T> => ({ state: 'failed', because })
  let owner = question.name.toLowerCase()
  const path = [owner]
  for (;;) {
    if (!isDnsName(owner)) return fail(`${type} ${owner}: not a name that DNS can carry`)
    const asked = owner
    const reply = await askServers({ type, name: owner }, limits)
    if (reply.state === 'failed') return reply
    for (;;) {
      const here = reply.records.filter(record => record.name === owner)
      const records = here.filter(isWanted)
      if (records.length > 0) return { state: 'found', records }
      const alias = here.find(record => record.type === 'CNAME')
      if (alias === undefined) break
      owner = alias.target
      const loops = path.includes(owner)
      path.push(owner)
      if (loops) return fail(`${type} ${asked}: aliases run in a loop: ${path.join(' -> ')}`)
      if (path.length > MAX_ALIASES + 1)
        return fail(`${type} ${asked}: more than ${MAX_ALIASES} aliases: ${path.join(' -> ')}`)
    }
    if (!reply.exists || owner === asked) return { state: 'absent' }
  }
}
