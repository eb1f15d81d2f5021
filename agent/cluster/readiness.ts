import { assignedSlots } from './members.ts'
import { isHandshake, myself } from './nodes.ts'
import { SLOT_COUNT } from './slots.ts'
import type { ServerFacts, ServerView } from './view.ts'

/** What decides whether clients should be sent to this pod. */
export type ReadinessFacts = {
  readonly server: ServerView
  /** The pod ends, or hands over or drains before it ends. */
  readonly terminating: boolean
  /** Whether it was ready before; then what happens to other shards counts no more. */
  readonly wasReady: boolean
  /** Changes nothing, but a person who reads the details wants to know. */
  readonly paused: boolean
}

/** One line of `/readyz?verbose`. */
export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string }

/** Whether this pod is ready; `because` is one sentence. */
export type Readiness = {
  readonly ready: boolean
  readonly because: string
  readonly checks: readonly Check[]
}

/** Whether the server knows another node, or owns slots: it is more than a blank one. */
export const isMember = (facts: ServerFacts): boolean =>
  facts.nodes.some(node => !node.flags.has('myself') && !isHandshake(node)) ||
  (myself(facts.nodes)?.slots.length ?? 0) > 0

function memberCheck(facts: ServerFacts): Check {
  const others = facts.nodes.filter(node => !node.flags.has('myself') && !isHandshake(node)).length
  return isMember(facts)
    ? { name: 'member', ok: true, detail: `knows ${others} other nodes` }
    : { name: 'member', ok: false, detail: 'is no member of a cluster yet' }
}

/**
 * A slot whose owner failed counts as assigned: it is the matter of that shard. Slots without any
 * owner keep a pod from becoming ready, never make a ready one unready: an endpoint list that
 * empties because one shard is lost would take the other shards from their clients as well.
 */
function slotsCheck(facts: ServerFacts, wasReady: boolean): Check {
  const assigned = assignedSlots(facts)
  if (assigned === SLOT_COUNT)
    return { name: 'slots', ok: true, detail: `knows an owner for all ${SLOT_COUNT} slots` }
  const detail = `knows an owner for ${assigned} of ${SLOT_COUNT} slots`
  return wasReady
    ? { name: 'slots', ok: true, detail: `${detail}; was ready before` }
    : { name: 'slots', ok: false, detail }
}

function replicationCheck({ replication }: ServerFacts): Check {
  const name = 'replication'
  if (replication.role === 'master') return { name, ok: true, detail: 'is a master' }
  const master = `${replication.masterHost}:${replication.masterPort}`
  if (replication.linkUp) return { name, ok: true, detail: `is in sync with its master ${master}` }
  return {
    name,
    ok: false,
    detail: replication.syncing
      ? `copies the dataset of its master ${master}`
      : `has no link to its master ${master}`,
  }
}

function serverCheck(server: ServerView): Check {
  switch (server.state) {
    case 'answered':
      return { name: 'server', ok: true, detail: 'answers' }
    case 'loading':
      return { name: 'server', ok: false, detail: `loads its dataset: ${server.because}` }
    case 'unusable':
      return { name: 'server', ok: false, detail: `cannot be used: ${server.because}` }
    case 'silent':
      return { name: 'server', ok: false, detail: `does not answer: ${server.because}` }
  }
}

/**
 * Situation: the kubelet asks every few seconds whether clients should be sent to this pod.
 * Action: ready if the server answers, belongs to a cluster, knows an owner for every slot and, as a
 * replica, is in sync. A pod that ends is never ready.
 * Why it is safe: nothing of another shard, dead or unowned, makes a ready pod unready.
 */
export function readiness(facts: ReadinessFacts): Readiness {
  const { server, terminating, wasReady, paused } = facts
  const checks = [
    terminating
      ? { name: 'stays', ok: false, detail: 'the pod ends' }
      : { name: 'stays', ok: true, detail: 'the pod does not end' },
    serverCheck(server),
    ...(server.state === 'answered'
      ? [
          memberCheck(server.facts),
          slotsCheck(server.facts, wasReady),
          replicationCheck(server.facts),
        ]
      : []),
    { name: 'plans', ok: true, detail: paused ? 'paused by a person' : 'not paused' },
  ]
  const bad = checks.filter(check => !check.ok)
  const ready = bad.length === 0
  const because = ready
    ? `the server ${checks
        .filter(check => check.name === 'server' || check.name === 'replication')
        .map(check => check.detail)
        .join(' and ')}`
    : bad.map(check => sentence(check)).join('; ')
  return { ready, because: paused ? `${because}; plans are paused` : because, checks }
}

const sentence = (check: Check): string =>
  check.name === 'stays' ? check.detail : `the server ${check.detail}`
