import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset } from '../cluster/dataset.ts'
import { nodeIdOf, peersOf } from '../cluster/nodes-conf.ts'
import type { NodeId } from '../cluster/node-id.ts'
import type { PodView, ServerView } from '../cluster/view.ts'
import type { Config } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { addressesIn, decideGate, needsServers } from '../plan/pod-rules/gate.ts'
import type { GateDecision, GateFacts } from '../plan/pod-rules/gate-facts.ts'
import { applyDecision } from './apply.ts'
import type { Peers } from './peers.ts'
import { openRequests, type Requests } from './requests.ts'
import { createTakeOver, type AskToTakeOver } from './take-over.ts'
import { readVolume, type Volume } from './volume.ts'

const HELD_MS = 100
const FAILED_MS = 1000

/** What the gate needs from the rest of the agent. */
export type GateDeps = {
  readonly config: Pick<
    Config,
    'dataDir' | 'runDir' | 'podName' | 'podIp' | 'redisPort' | 'serviceDomain' | 'nodeTimeoutMs'
  >
  readonly log: Log
  /**
   * Asks the pods of `hostnames` and the others of the cluster, but not the own one. Their servers,
   * and pods that nodes.conf does not name, count only when the decision depends on servers.
   */
  readonly peers: (
    hostnames: readonly string[],
    withServers: boolean,
    signal: AbortSignal,
  ) => Promise<Peers>
  /** Whether this agent has asked a replica to take over from its dead server, and waits for that. */
  readonly handoverUnderWay: () => boolean
  /** Asks a replica, where it has just answered, to take over. */
  readonly takeOverBy: AskToTakeOver
  /** A monotonic clock. */
  readonly nowMs: () => number
}

/** What other agents and people are told. */
export type GateState = {
  /** When the server was allowed to start, by the clock of `nowMs`; null while the gate is closed. */
  readonly openedAtMs: number | null
  readonly because: string
  /** The id of nodes.conf, as the server will have it; null if it will make a new one. */
  readonly nodeId: NodeId | null
  /** What lies in DATA_DIR; null until it was read. */
  readonly dataset: Dataset | null
  /** Whether a server waits at the gate. */
  readonly held: boolean
}

export type Gate = {
  readonly state: () => GateState
  /** What the server was last seen as: once it is up, its starts no longer count as failed. */
  readonly noteServer: (server: ServerView) => void
  /** Answers requests until aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** The start gate of this pod: before each start of the server it repairs nodes.conf and decides. */
export function createGate(deps: GateDeps): Gate {
  const { config, log, nowMs } = deps
  const ownHostname = `${config.podName}.${config.serviceDomain}`
  const own = { ip: config.podIp, port: config.redisPort }
  let failedStarts = 0
  let heldFor = { reason: '', told: new Set<string>() }
  let state: GateState = {
    openedAtMs: null,
    because: 'the server has not asked yet',
    nodeId: null,
    dataset: null,
    held: false,
  }

  async function gather(volume: Volume, waitedMs: number, signal: AbortSignal): Promise<GateFacts> {
    const { nodesConf, dataset, wasEmpty } = volume
    const handoverUnderWay = deps.handoverUnderWay()
    const known = nodesConf.state === 'member' ? peersOf(nodesConf) : []
    const hostnames = known.map(node => node.hostname).filter(name => name !== '')
    const base = { nodesConf, dataset, wasEmpty, handoverUnderWay, failedStarts }
    const { pods, areNamed } = await deps.peers(hostnames, needsServers(base), signal)
    return {
      ...base,
      own: { hostname: ownHostname, ip: config.podIp },
      peers: pods,
      areNamed,
      waitedMs,
      nodeTimeoutMs: config.nodeTimeoutMs,
    }
  }

  async function look(): Promise<Volume> {
    const volume = await readVolume(config.dataDir, config.runDir)
    state = { ...state, nodeId: nodeIdOf(volume.nodesConf), dataset: volume.dataset }
    return volume
  }

  /** One try for one request: the decision, carried out if it is to open, and whom it asked. */
  async function attempt(
    sinceMs: number,
    signal: AbortSignal,
  ): Promise<{ decision: GateDecision; peers: readonly PodView[] }> {
    const volume = await look()
    const facts = await gather(volume, nowMs() - sinceMs, signal)
    const decision = decideGate({ ...facts, waitedMs: nowMs() - sinceMs })
    const { peers } = facts
    if (!decision.open) return { decision, peers }
    const { dataDir } = config
    const done = await applyDecision(decision, volume, dataDir, addressesIn(facts), own)
    const { because } = decision
    // What did not load is gone: the next starts are those of another dataset.
    if (decision.setAside.includes('dataset')) failedStarts = 0
    for (const path of done.setAside) log.warn('gate.setAside', { path, because })
    if (done.repaired) log.info('gate.repaired', { how: decision.nodesConf, because })
    return { decision, peers }
  }

  /** One line for each reason, and one for each reply that came while it lasted. */
  function hold(reason: string, needsPerson: boolean, reply: string): void {
    const because = reply === '' ? reason : `${reason}; ${reply}`
    if (!state.held || heldFor.reason !== reason) heldFor = { reason, told: new Set() }
    state = { ...state, openedAtMs: null, held: true, because }
    if (heldFor.told.has(reply)) return
    heldFor.told.add(reply)
    log[needsPerson ? 'error' : 'info']('gate.held', { because })
  }

  /** Tries until the gate opens, or the request is not the newest any more. */
  async function serve(requests: Requests, token: string, signal: AbortSignal): Promise<void> {
    const sinceMs = nowMs()
    const takeOver = createTakeOver(deps.takeOverBy, nowMs)
    let reply = ''
    while (!signal.aborted && (await requests.read())?.token === token) {
      let pauseMs = HELD_MS
      try {
        const { decision, peers } = await attempt(sinceMs, signal)
        if (decision.open) {
          await look()
          const { because } = decision
          await requests.answer(token)
          failedStarts += 1
          state = { ...state, openedAtMs: nowMs(), because, held: false }
          log.info('gate.opened', { because, waitedMs: Math.round(nowMs() - sinceMs) })
          return
        }
        const { because, needsPerson, takeOverBy } = decision
        if (takeOverBy === null) reply = ''
        hold(because, needsPerson, reply)
        reply = await takeOver(takeOverBy, peers, signal)
        hold(because, needsPerson, reply)
      } catch (error) {
        if (signal.aborted) return
        hold(`the gate failed: ${messageOf(error)}`, true, '')
        pauseMs = FAILED_MS
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    state: () => state,
    noteServer: server => {
      // A server that loads may still die of its dataset; an unusable one is past that.
      if (server.state === 'answered' || server.state === 'unusable') failedStarts = 0
    },
    run: async signal => {
      const requests = await openRequests(config.runDir, signal)
      // An agent that starts anew beside a server that runs: its gate was opened by the last one. It
      // must be known before the volume is read: only a closed gate tells of that.
      if ((await requests.read())?.answered)
        state = { ...state, openedAtMs: nowMs(), because: 'the server was started before' }
      await look().catch(error => log.warn('gate.held', { because: String(error) }))
      while (!signal.aborted) {
        const request = await requests.read()
        if (request && !request.answered) await serve(requests, request.token, signal)
        else await requests.change()
      }
    },
  }
}
