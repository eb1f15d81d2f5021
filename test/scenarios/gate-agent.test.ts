import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PodView } from '../../agent/cluster/view.ts'
import { createPeers } from '../../agent/gate/peers.ts'
import type { HostsAnswer } from '../../agent/observe/dns/resolver.ts'
import { createGate, type Gate, type GateDeps } from '../../agent/gate/gate.ts'
import { until } from '../helper/until.ts'
import { askPeers, type PeerSource } from '../../agent/gate/ask-peers.ts'
import { conf, healthy, host, others, peer, server } from './gate-world.ts'

type Running = {
  readonly gate: Gate
  readonly dataDir: string
  readonly because: string[]
  /** Asks as server.sh does. */
  readonly ask: (token: string) => void
  /** Asks, and waits for the answer. */
  readonly start: (token: string) => Promise<void>
}

/** The gate of a pod, on files, until the test ends. */
function startGate(t: Test, pod: number, change: Partial<GateDeps>): Running {
  const dir = mkdtempSync(join(tmpdir(), 'gate-agent-'))
  const [dataDir, runDir] = [join(dir, 'data'), join(dir, 'run')]
  for (const folder of [dataDir, runDir, join(runDir, 'gate')]) mkdirSync(folder)
  writeFileSync(join(dataDir, 'nodes.conf'), conf(pod))
  const because: string[] = []
  const tell: GateDeps['log']['info'] = (event, fields = {}) => {
    if (event === 'gate.held') because.push(String(fields['because']))
  }
  const gate = createGate({
    config: {
      dataDir,
      runDir,
      podName: `redis-cluster-${pod}`,
      podIp: `10.0.0.${pod}`,
      redisPort: 6379,
      serviceDomain: 'redis-cluster.default.svc.cluster.local',
      nodeTimeoutMs: 600_000,
    },
    log: { debug: tell, info: tell, warn: tell, error: tell },
    peers: () => Promise.resolve({ pods: others(pod, healthy), areNamed: true }),
    handoverUnderWay: () => false,
    takeOverBy: () => Promise.resolve('OK'),
    nowMs: () => performance.now(),
    ...change,
  })
  const ended = new AbortController()
  const running = gate.run(ended.signal)
  t.teardown(async () => {
    ended.abort()
    await running
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  const ask = (token: string): void =>
    writeFileSync(join(runDir, 'gate', 'request'), `${token} - 0\n`)
  const answer = join(runDir, 'gate', 'answer')
  const start = async (token: string): Promise<void> => {
    ask(token)
    await until(() => existsSync(answer) && readFileSync(answer, 'utf8') === `${token} open\n`, {
      what: `the gate answers ${token}`,
    })
  }
  return { gate, dataDir, because, ask, start }
}

const orphans = (dataDir: string): number =>
  readdirSync(dataDir).filter(name => name.includes('.orphaned-')).length
const putData = (dataDir: string): void =>
  writeFileSync(join(dataDir, 'appendonly.aof'), '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n')

void t.test('starts count as failed until the server is up, or has other data', async t => {
  const { gate, dataDir, start } = startGate(t, 3, {})
  putData(dataDir)
  for (const token of ['1', '2', '3']) await start(token)
  gate.noteServer({ state: 'loading', because: 'LOADING' })
  gate.noteServer({ state: 'unusable', because: 'WRONGPASS' })
  for (const token of ['4', '5', '6']) await start(token)
  t.equal(orphans(dataDir), 0, 'one that refuses the password is up')
  gate.noteServer({ state: 'loading', because: 'LOADING' })
  await start('7')
  t.equal(orphans(dataDir), 1, 'the fourth start without an answer: its dataset does not load')
  putData(dataDir)
  for (const token of ['8', '9']) await start(token)
  t.equal(orphans(dataDir), 1, 'the new dataset has its own three starts')
})

/** Pods whose DNS names an address each, where an agent and a server answer as `answers` says. */
const source = (
  address: (n: number) => string,
  answers: (address: string) => PodView,
): PeerSource => ({
  resolver: {
    addressesOf: name =>
      Promise.resolve({ state: 'found', addresses: [address(Number(/-(\d+)\./.exec(name)?.[1]))] }),
  },
  askAgent: ({ address, hostname }) => {
    const { agent } = answers(address)
    const isOther = agent.state === 'answered' && agent.facts.hostname !== hostname
    return Promise.resolve(isOther ? { state: 'other', because: agent.facts.hostname } : agent)
  },
  readServer: address => Promise.resolve(answers(address).server),
  httpPort: 9121,
})

void t.test('a server counts as a pod only if it or its agent says so', async t => {
  const never = new AbortController().signal
  const seen = async (found: PodView) =>
    (
      await askPeers(
        source(
          () => '10.0.0.3',
          () => found,
        ),
        [host(3)],
        true,
        never,
      )
    )[0]?.server.state
  const answered = server(3, 50)
  const loading = { state: 'loading', because: 'LOADING' } as const
  t.equal(await seen(peer(3, { server: answered })), 'answered')
  t.equal(await seen(peer(3, { server: answered, agent: null })), 'answered', 'by its own word')
  t.equal(await seen(peer(3, { server: loading })), 'loading', "by its agent's word")
  t.equal(await seen(peer(3, { server: loading, agent: null })), 'silent', 'nobody says who loads')
  t.equal(await seen(peer(4, { server: server(4, 50) })), 'silent', "another pod's address")
  t.equal(await seen(peer(4, { server: server(4, 50), agent: null })), 'silent', 'its server alone')
})

void t.test('the replica is asked at the address where it answered', async t => {
  const asked: string[] = []
  const takeOverBy = (address: string): Promise<string> => {
    asked.push(address)
    return Promise.resolve('OK')
  }
  const { ask } = startGate(t, 0, { takeOverBy })
  ask('1')
  await until(() => asked.length > 0, { what: 'somebody is asked' })
  t.equal(asked[0], '10.0.0.3')

  let tries = 0
  const strangers = source(
    () => '10.0.0.4',
    () => peer(4, { server: server(4, 50) }),
  )
  const nobody = startGate(t, 0, {
    takeOverBy: () => Promise.reject(new Error('a stranger was asked')),
    peers: async (names, withServers, signal) => {
      tries += 1
      return { pods: await askPeers(strangers, names, withServers, signal), areNamed: true }
    },
  })
  nobody.ask('1')
  await until(() => tries > 3, { what: 'it was tried some times' })
  t.notMatch(nobody.because.join(), /stranger/)
  t.equal(
    nobody.gate.state().openedAtMs,
    null,
    'a stranger does not prove that the replica is gone',
  )
})

void t.test('a reply is told once, asked for once a second, and never needs a person', async t => {
  let asked = 0
  let ms = 0
  const answers = ['OK', 'ERR Master is down']
  const told: string[] = []
  const tell =
    (level: string): GateDeps['log']['info'] =>
    (event, fields = {}) => {
      if (event === 'gate.held') told.push(`${level}: ${String(fields['because'])}`)
    }
  let tries = 0
  const { gate, ask } = startGate(t, 0, {
    nowMs: () => ms,
    log: { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') },
    peers: () => {
      tries += 1
      return Promise.resolve({ pods: others(0, healthy), areNamed: true })
    },
    takeOverBy: () => {
      const answer = answers[asked++ % 3]
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('it does not answer'))
    },
  })
  ask('1')
  for (const second of [0, 1, 2, 3, 4, 5, 6]) {
    ms = second * 1000
    const from = tries
    await until(() => asked === second + 1 && tries > from + 2, { what: `second ${second}` })
    t.equal(asked, second + 1, 'once a second')
  }
  t.match(gate.state().because, /has to take over first; .*-3\..* was asked to take over: OK$/)
  t.same(
    told.map(line => line.replace(/^(\w+): .*(?:first|take over: )/, '$1 ')),
    ['info ', 'info OK', 'info ERR Master is down', 'info it does not answer'],
  )
})

void t.test('every pod that DNS names is asked, and those of nodes.conf and of PODS', async t => {
  const never = new AbortController().signal
  const names = async (
    hosts: 'failed' | 'absent' | readonly string[],
    known: readonly string[],
    change: { kubernetes?: 'on' | 'off'; withServers?: boolean } = {},
  ) => {
    const { kubernetes = 'on', withServers = true } = change
    const base = source(
      n => `10.0.0.${n}`,
      () => healthy(0),
    )
    const answer: HostsAnswer =
      hosts === 'failed'
        ? { state: 'failed', because: 'SERVFAIL' }
        : hosts === 'absent'
          ? { state: 'absent' }
          : { state: 'found', hosts: hosts.map(name => ({ name, port: 6379 })) }
    const hostsOf = () => Promise.resolve(answer)
    const peers = createPeers({
      ...base,
      resolver: { ...base.resolver, hostsOf },
      config: { podName, statefulSet: 'redis-cluster', serviceDomain, pods: 3, kubernetes },
    })
    const { pods, areNamed } = await peers(known, withServers, never)
    return `${pods.map(({ pod }) => pod.ordinal).join(' ')}${areNamed ? '' : ' and unknown ones'}`
  }
  const podName = 'redis-cluster-0'
  const serviceDomain = host(0).slice(podName.length + 1)
  const foreign = `10-0-0-9.${serviceDomain}`
  t.equal(await names([host(0), host(1), host(11), foreign], [host(4)]), '4 1 11')
  t.equal(await names('absent', [host(4)]), '4')
  t.equal(await names('failed', [host(4)]), '4 and unknown ones')
  t.equal(await names([host(11)], [host(4)], { kubernetes: 'off' }), '4 1 2 11')
  t.equal(await names('failed', [], { kubernetes: 'off' }), '1 2')
  t.equal(await names('failed', [host(4)], { withServers: false }), '4', 'no server counts')
})
