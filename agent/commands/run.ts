import { Agent as HttpAgent } from 'node:http'
import { setMaxListeners } from 'node:events'
import { watch } from 'node:fs'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AgentState } from '../agent-state.ts'
import { podsOf } from '../cluster/pods.ts'
import type { ClusterView, PodRulesView } from '../cluster/view.ts'
import type { Config } from '../config.ts'
import { createExecutor } from '../execute/execute.ts'
import { createGate } from '../gate/gate.ts'
import { createPeers } from '../gate/peers.ts'
import { createHomeAlone, wishOf, type Home } from '../home.ts'
import { answerStops } from '../init/stop.ts'
import type { Log } from '../log.ts'
import { createLoop } from '../loop.ts'
import { tidyMemory } from '../tidy-memory.ts'
import { createResolver } from '../observe/dns/resolver.ts'
import { createObserver } from '../observe/observe.ts'
import { lowestLiving } from '../observe/presence.ts'
import { askAgent } from '../observe/read-agent.ts'
import { createStrangerNotes } from '../observe/stranger-notes.ts'
import { clusterPace, podPace } from '../pace.ts'
import { breaches } from '../plan/invariants.ts'
import { planCluster, planPod } from '../plan/plan.ts'
import { createConnections } from '../redis/connections.ts'
import { credentialsFrom } from '../redis/credentials.ts'
import { createHttp } from '../server/http.ts'
import { createMetrics } from '../server/metrics.ts'
import { version } from './version.ts'

const HEARTBEAT_MS = 2000

/** The composition root: everything that an agent is made of is constructed here. */
export async function run(config: Config, log: Log): Promise<void> {
  const stop = stopOnSignals()
  const { signal } = stop
  // Every question to every pod waits on it: many listeners are no leak, and Node would warn of them.
  setMaxListeners(0, signal)
  const nowMs = (): number => performance.now()
  const resolver = createResolver({ resolvConf: config.resolvConf })
  const connections = createConnections({
    port: config.redisPort,
    credentials: credentialsFrom(config),
    connectTimeoutMs: 1000,
    commandTimeoutMs: 2000,
  })
  const self = podsOf(config.statefulSet, config.serviceDomain, {
    from: config.ordinal,
    below: config.ordinal + 1,
  })[0]
  if (!self) throw new Error(`no pod of ordinal ${config.ordinal}`)

  const executor = createExecutor({ connections })
  const home = await createHome(config, log)
  const metrics = createMetrics(version)
  const http = new HttpAgent({ keepAlive: true, maxFreeSockets: 1 })
  const presence = { resolver, httpPort: config.httpPort, timeoutMs: 2000, http }

  const gate = createGate({
    config,
    log,
    nowMs,
    peers: createPeers({
      config,
      resolver,
      askAgent,
      readServer: (address, readSignal) => connections.readServer(address, readSignal),
      httpPort: config.httpPort,
    }),
    handoverUnderWay: () => false,
    takeOverBy: async (address, gateSignal) => {
      const failover = ['CLUSTER', 'FAILOVER', 'FORCE'] as const
      const [reply] = await connections.run(address, [failover], gateSignal)
      return reply && 'refusal' in reply ? reply.refusal : String(reply?.value)
    },
  })
  const state = new AgentState(config, gate.state)
  const observer = createObserver({
    resolver,
    connections,
    podIp: config.podIp,
    httpPort: config.httpPort,
    serviceDomain: config.serviceDomain,
    ownFacts: () => state.facts(),
    nowMs,
  })

  const podLoop = createLoop<PodRulesView>({
    log,
    changed: 'pod.planChanged',
    observe: loopSignal => observer.observePod(self, true, loopSignal),
    plan: view => planPod(view, { ...wishOf(config), paused: state.paused }),
    breaches: () => [],
    mayAct: () => true,
    execute: (actions, view, loopSignal) =>
      executor.execute(actions, { pods: [view.own] }, loopSignal),
    pace: (plan, sinceChangeMs) => podPace(plan, sinceChangeMs, state.upMs()),
    onCycle: cycle => {
      state.notePodCycle(cycle)
      if (cycle.view) gate.noteServer(cycle.view.own.server)
      for (const { action, ok } of cycle.outcomes) metrics.acted(action.type, ok)
      metrics.cycled(cycle.durationMs / 1000)
    },
  })

  async function isMine(loopSignal: AbortSignal): Promise<boolean> {
    const below = podsOf(config.statefulSet, config.serviceDomain, { below: config.ordinal })
    const { lower, isSure } = await lowestLiving(presence, below, loopSignal)
    home.want(lower === null && isSure)
    state.apiAway = home.isAway()
    const mine = lower === null && !state.apiAway
    const coordinator = lower?.pod ?? (mine ? config.podName : null)
    if (state.isCoordinator !== mine)
      log.info(mine ? 'coordinator.gained' : 'coordinator.lost', { coordinator })
    state.isCoordinator = mine
    state.coordinator = coordinator
    if (lower) state.paused = lower.paused
    return lower === null
  }

  const noteStrangers = createStrangerNotes(log, config.serviceDomain)
  let podCount = config.pods
  const clusterLoop = createLoop<ClusterView>({
    log,
    changed: 'plan.changed',
    observe: async loopSignal => {
      if (!(await isMine(loopSignal))) return null
      const wish = home.wish()
      // Without a wish it looks all the same: the status tells what it sees, and why it does nothing.
      if (typeof wish !== 'string') {
        state.paused = wish.paused
        podCount = wish.pods
      }
      const pods = podsOf(config.statefulSet, config.serviceDomain, { below: podCount })
      const view = await observer.observeCluster(pods, loopSignal)
      return { ...view, absent: home.absences(view) }
    },
    plan: view => {
      const wish = home.wish()
      if (typeof wish === 'string') return { phase: 'waiting', because: wish, actions: [] }
      return planCluster(view, wish)
    },
    breaches: (plan, view) => {
      const wish = home.wish()
      return typeof wish === 'string' ? [wish] : breaches(plan, view, wish)
    },
    mayAct: () => home.mayAct(),
    execute: (actions, view, loopSignal) => executor.execute(actions, view, loopSignal),
    pace: (plan, sinceChangeMs) => clusterPace(plan, sinceChangeMs, podCount),
    onCycle: cycle => {
      state.noteClusterCycle(cycle)
      home.onCycle(cycle)
      if (cycle.view) noteStrangers(cycle.view)
      for (const { action, ok } of cycle.outcomes) metrics.acted(action.type, ok)
      if (cycle.plan && cycle.plan.actions.length > 0) metrics.planned(cycle.plan.phase)
    },
  })

  const server = createHttp({
    config,
    version,
    metrics,
    snapshot: () => state.snapshot(),
    commands: {
      pause: () => home.pause(true),
      resume: () => home.pause(false),
      fix: accept =>
        state.isCoordinator
          ? home.fix(accept)
          : Promise.resolve(`${state.coordinator ?? 'another agent'} coordinates: ask there`),
    },
  })
  await server.listen()
  log.info('agent.started', { version, kubernetes: config.kubernetes, node: process.version })
  const requests = wakeOnRequests(config.runDir, () => podLoop.wake(), signal)
  await Promise.all([
    podLoop.run(signal),
    clusterLoop.run(signal),
    gate.run(signal),
    home.run(signal),
    answerStops(config.runDir, async () => void (state.terminating = true), signal),
    beat(join(config.runDir, 'heartbeat'), signal),
    tidyMemory(signal),
  ])
  requests.close()
  observer.close()
  http.destroy()
  connections.close()
  await server.close()
  log.info('agent.stopped')
}

/** The API client is a chunk of its own, loaded only where there is an API. */
async function createHome(config: Config, log: Log): Promise<Home> {
  if (config.kubernetes === 'off') {
    log.info('api.away', { because: 'KUBERNETES is off: no labels, no events, no removal of pods' })
    return createHomeAlone(config)
  }
  const [{ createKubernetesClient }, { createKubernetesHome }] = await Promise.all([
    import('../kubernetes/client.ts'),
    import('../kubernetes/home.ts'),
  ])
  const api = createKubernetesClient({
    namespace: config.namespace,
    statefulSet: config.statefulSet,
    podName: config.podName,
    serviceAccountDir: config.serviceAccountDir,
    host: process.env['KUBERNETES_SERVICE_HOST'] ?? '',
    port: process.env['KUBERNETES_SERVICE_PORT'] ?? '443',
    nowMs: () => performance.now(),
  })
  return createKubernetesHome({ config, log, api })
}

/** SIGTERM and SIGINT end the loops; a second one ends the process as it would anyway. */
function stopOnSignals(): AbortController {
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => controller.abort(new Error(`${name} was received`)))
  return controller
}

/** A server that asks at the gate starts soon: look often from then on. */
function wakeOnRequests(runDir: string, wake: () => void, signal: AbortSignal) {
  return watch(join(runDir, 'gate'), { signal }, wake).on('error', () => undefined)
}

/** Touches the file by which pre-stop.sh tells a living agent from a dead one. */
async function beat(path: string, signal: AbortSignal): Promise<void> {
  await writeFile(path, '')
  while (!signal.aborted) {
    const now = new Date()
    await utimes(path, now, now).catch(() => writeFile(path, ''))
    await sleep(HEARTBEAT_MS, undefined, { signal }).catch(() => undefined)
  }
}
