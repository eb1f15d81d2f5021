import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { parseNodes } from '../../../agent/cluster/nodes.ts'
import type { AgentFacts, Pod, ServerView } from '../../../agent/cluster/view.ts'
import { createObserver } from '../../../agent/observe/observe.ts'
import type { ObserverDeps } from '../../../agent/observe/observe.ts'

const domain = 'redis-cluster.default.svc.cluster.local'
const id = (digit: number) => `${digit}`.repeat(40)
const pod = (ordinal: number): Pod => {
  const name = `redis-cluster-${ordinal}`
  return { ordinal, name, hostname: `${name}.${domain}` }
}

const agentFacts = (ordinal: number): AgentFacts => ({
  pod: pod(ordinal).name,
  hostname: pod(ordinal).hostname,
  ordinal,
  nodeId: null,
  podUid: '',
  node: '',
  zone: '',
  revision: '',
  terminating: false,
  paused: false,
  gateOpenMs: 1,
  gateBecause: '',
})

/** The view of a server that announces the pod's name and knows the given nodes besides itself. */
function serverOf(ordinal: number, others: readonly string[] = []): ServerView {
  const own = `${id(ordinal)} 127.0.0.1:6379@16379,${pod(ordinal).hostname} myself,master - 0 0 1 connected`
  const nodes = parseNodes([own, ...others].join('\n'))
  const [first] = nodes
  if (!first) throw new Error('no node')
  const replication = { role: 'master', masterHost: '', masterPort: 0, linkUp: false } as const
  return {
    state: 'answered',
    facts: {
      nodeId: first.id,
      nodes,
      clusterState: 'ok',
      currentEpoch: 1,
      flavor: 'redis',
      version: '7.0.15',
      uptimeMs: 1,
      keys: 0,
      replication: { ...replication, syncing: false, offset: 0, replicas: [] },
      settings: { nodeTimeoutMs: 5000, disklessSyncDelayS: 0, replicaNoFailover: false },
    },
  }
}

async function serve(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const answerAs =
  (ordinal: number): RequestListener =>
  (_request, response) =>
    void response.end(JSON.stringify({ agent: agentFacts(ordinal), more: [1] }))

const unused = async (): Promise<never> => {
  throw new Error('must not be asked')
}

function observerOf(t: Test, deps: Partial<ObserverDeps>) {
  const observer = createObserver({
    resolver: { addressesOf: async () => ({ state: 'found', addresses: ['127.0.0.1'] }) },
    connections: { readServer: async () => serverOf(0), whoIs: unused },
    podIp: '127.0.0.1',
    httpPort: 1,
    serviceDomain: domain,
    ownFacts: () => agentFacts(0),
    nowMs: () => 42,
    ...deps,
  })
  t.teardown(() => observer.close())
  return observer
}

const { signal } = new AbortController()

void t.test('a pod that answers is seen with its agent and its server', async t => {
  const asked: string[] = []
  const httpPort = await serve(t, answerAs(0))
  const observer = observerOf(t, {
    httpPort,
    resolver: {
      addressesOf: async name => {
        asked.push(name)
        return { state: 'found', addresses: ['127.0.0.1'] }
      },
    },
  })
  const view = await observer.observeCluster([pod(0)], signal)
  const again = await observer.observeCluster([pod(0)], signal)
  t.strictSame(view, again)
  t.strictSame(asked, [`${pod(0).hostname}.`, `${pod(0).hostname}.`], 'absolute names, each time')
  t.match(view, { dnsFailure: null, nowMs: 42 })
  t.strictSame(view.pods, [
    {
      pod: pod(0),
      address: '127.0.0.1',
      agent: { state: 'answered', facts: agentFacts(0) },
      server: serverOf(0),
    },
  ])
})

void t.test('an address that another pod has by now shows neither agent nor server', async t => {
  const httpPort = await serve(t, answerAs(5))
  const view = await observerOf(t, { httpPort }).observeCluster([pod(0)], signal)
  t.match(view.pods[0]?.agent, { state: 'silent', because: /answers as redis-cluster-5/ })
  t.match(view.pods[0]?.server, { state: 'silent', because: /answers as another pod/ })
})

void t.test('while the agent is silent a server counts only if it announces the pod', async t => {
  const own = await observerOf(t, {}).observeCluster([pod(0)], signal)
  t.match(own.pods[0], { agent: { state: 'silent' }, server: { state: 'answered' } })
  const other = await observerOf(t, {}).observeCluster([pod(1)], signal)
  t.match(other.pods[0]?.server, { state: 'silent', because: /announces redis-cluster-0/ })
  const loading: ServerView = { state: 'loading', because: 'it is loading its dataset' }
  const unproven = observerOf(t, {
    connections: { readServer: async () => loading, whoIs: unused },
  })
  t.match((await unproven.observeCluster([pod(0)], signal)).pods[0]?.server, { state: 'silent' })
})

void t.test('a DNS failure is told, and an absent name is none', async t => {
  const observer = observerOf(t, {
    resolver: {
      addressesOf: async name =>
        name.startsWith(`${pod(1).hostname}.`)
          ? { state: 'failed', because: 'SERVFAIL' }
          : { state: 'absent' },
    },
    connections: { readServer: unused, whoIs: unused },
  })
  const absent = await observer.observeCluster([pod(0)], signal)
  t.match(absent, { dnsFailure: null, pods: [{ address: null, server: { state: 'silent' } }] })
  const failed = await observer.observeCluster([pod(0), pod(1)], signal)
  t.equal(failed.dnsFailure, `${pod(1).hostname}: SERVFAIL`)
  t.strictSame(
    failed.pods.map(view => view.address),
    [null, null],
  )
})

void t.test('what never answers is silent after its time, and the order stays', async t => {
  const httpPort = await serve(t, () => {})
  const observer = observerOf(t, {
    httpPort,
    agentTimeoutMs: 100,
    serverTimeoutMs: 100,
    dnsTimeoutMs: 100,
    resolver: {
      addressesOf: (name, signal) =>
        name.startsWith('redis-cluster-3.')
          ? new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
            })
          : Promise.resolve({ state: 'found', addresses: ['127.0.0.1'] }),
    },
    connections: {
      readServer: (_, signal) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
      whoIs: unused,
    },
  })
  const pods = Array.from({ length: 100 }, (_, ordinal) => pod(ordinal))
  const view = await observer.observeCluster(pods, signal)
  t.strictSame(
    view.pods.map(({ pod }) => pod.ordinal),
    pods.map(({ ordinal }) => ordinal),
  )
  t.match(view.dnsFailure, /redis-cluster-3.*no answer in 100 ms/)
  t.match(view.pods[99]?.agent, { state: 'silent', because: /no answer in 100 ms/ })
  t.match(view.pods[99]?.server, { state: 'silent', because: /no answer in 100 ms/ })
})

void t.test('what is no agent is silence', async t => {
  const bodies = ['not json', '{}', '{"agent":{"pod":"x"}}', 'null']
  for (const body of bodies) {
    const httpPort = await serve(t, (_, response) => void response.end(body))
    const view = await observerOf(t, { httpPort }).observeCluster([pod(0)], signal)
    t.match(view.pods[0]?.agent, { state: 'silent', because: /not as an agent does/ }, body)
  }
  const refusing = await serve(t, (_, response) => void response.writeHead(500).end())
  const view = await observerOf(t, { httpPort: refusing }).observeCluster([pod(0)], signal)
  t.match(view.pods[0]?.agent, { state: 'silent', because: /HTTP status 500/ })
})

void t.test('a kept connection that the agent closed is asked again', async t => {
  const answer = answerAs(0)
  const httpPort = await serve(t, (request, response) => {
    const first = Reflect.get(request.socket, 'asked') !== true
    Reflect.set(request.socket, 'asked', true)
    if (first) answer(request, response)
    else request.socket.destroy()
  })
  const observer = observerOf(t, { httpPort })
  for (let round = 0; round < 3; round++) {
    const view = await observer.observeCluster([pod(0)], signal)
    t.match(view.pods[0]?.agent, { state: 'answered' })
  }
})

void t.test('an aborted signal ends the observation', async t => {
  const stop = new AbortController()
  const observer = observerOf(t, {
    connections: {
      readServer: async () => {
        stop.abort(new Error('the agent ends'))
        return serverOf(0)
      },
      whoIs: unused,
    },
  })
  await t.rejects(observer.observeCluster([pod(0)], stop.signal), /the agent ends/)
  await t.rejects(observer.observePod(pod(0), true, stop.signal), /the agent ends/)
})

void t.test('the own pod asks nobody in a healthy cluster', async t => {
  const healthy = `${id(1)} 127.0.0.2:6379@16379,${pod(1).hostname} master - 0 0 2 connected`
  const observer = observerOf(t, {
    resolver: { addressesOf: unused },
    connections: { readServer: async () => serverOf(0, [healthy]), whoIs: unused },
  })
  const view = await observer.observePod(pod(0), true, signal)
  t.match(view, { peers: [], nowMs: 42, own: { address: '127.0.0.1' } })
  t.strictSame(view.own.agent, { state: 'answered', facts: agentFacts(0) })
})

void t.test('the own pod asks who lives where its lost peers should be', async t => {
  const lost = (ordinal: number) =>
    `${id(ordinal)} 127.0.0.${ordinal}:6379@16379,${pod(ordinal).hostname} master,fail? - 0 0 2 disconnected`
  const observer = observerOf(t, {
    resolver: {
      addressesOf: async name =>
        name === `${pod(3).hostname}.`
          ? { state: 'absent' }
          : {
              state: 'found',
              addresses: [name.startsWith('redis-cluster-1') ? '10.0.0.1' : '10.0.0.2'],
            },
    },
    connections: {
      readServer: async () => serverOf(0, [lost(1), lost(2), lost(3)]),
      whoIs: async address =>
        address === '10.0.0.1' ? (parseNodes(lost(1))[0]?.id ?? null) : null,
    },
  })
  const view = await observer.observePod(pod(0), true, signal)
  t.strictSame(view.peers, [
    { hostname: pod(1).hostname, address: '10.0.0.1', nodeId: id(1) },
    { hostname: pod(2).hostname, address: '10.0.0.2', nodeId: null },
  ])
  t.strictSame((await observer.observePod(pod(0), false, signal)).peers, [])
})
