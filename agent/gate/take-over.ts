import { serverOf, type PodView } from '../cluster/view.ts'
import { messageOf } from '../errors.ts'

/** Each request ends the one before, and an election takes its time. */
const EVERY_MS = 1000

/** Sends the request to the replica at an address; what it replied, in its own words. */
export type AskToTakeOver = (address: string, signal: AbortSignal) => Promise<string>

/**
 * Asks the replica in a pod to take over, at most once a second, and only where its server has just
 * answered. The last reply as half a sentence, or why there is none; empty before the first.
 */
export function createTakeOver(ask: AskToTakeOver, nowMs: () => number) {
  let askedAtMs: number | null = null
  let said = ''
  return async (
    hostname: string | null,
    peers: readonly PodView[],
    signal: AbortSignal,
  ): Promise<string> => {
    if (hostname === null) return ''
    const replica = peers.find(({ pod }) => pod.hostname === hostname)
    if (!replica?.address || !serverOf(replica)) return said
    if (askedAtMs !== null && nowMs() - askedAtMs < EVERY_MS) return said
    askedAtMs = nowMs()
    const reply = await ask(replica.address, signal).catch(error => messageOf(error))
    said = `${hostname} was asked to take over: ${reply}`
    return said
  }
}
