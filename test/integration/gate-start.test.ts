import { spawn, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { peersOf, readNodesConf } from '../../agent/cluster/nodes-conf.ts'
import type { PodView } from '../../agent/cluster/view.ts'
import { podOf } from '../../agent/gate/ask-peers.ts'
import { createGate, type Gate } from '../../agent/gate/gate.ts'
import { readVolume } from '../../agent/gate/volume.ts'
import type { Log } from '../../agent/log.ts'
import { serverPath, serversFor, skipWithout, type ServerName } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

// Longer than tap allows a whole file by itself.
t.setTimeout(600_000)

const file = 'gate-start.test.ts'
const recorded = (name: string): string =>
  readFileSync(new URL(`../unit/cluster/recorded/${name}.conf`, import.meta.url), 'utf8')
const silent = { state: 'silent', because: 'nobody there' } as const

function folders(t: Test): { dataDir: string; runDir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'gate-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const [dataDir, runDir] = [join(dir, 'data'), join(dir, 'run')]
  mkdirSync(dataDir)
  mkdirSync(runDir)
  return { dataDir, runDir }
}

type Told = { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }

/** A gate that runs until the test ends. */
function startGate(
  t: Test,
  dirs: { dataDir: string; runDir: string },
  peers: () => readonly PodView[],
): { gate: Gate; told: Told[]; asked: string[] } {
  const told: Told[] = []
  const asked: string[] = []
  const tell: Log['info'] = (event, fields = {}) => void told.push({ event, fields })
  const gate = createGate({
    config: {
      ...dirs,
      podName: 'redis-cluster-0',
      podIp: '10.1.1.1',
      redisPort: 6379,
      serviceDomain: 'redis-cluster.default.svc.cluster.local',
      nodeTimeoutMs: 600_000,
    },
    log: { debug: tell, info: tell, warn: tell, error: tell },
    peers: async hostnames => {
      for (const hostname of hostnames) if (!asked.includes(hostname)) asked.push(hostname)
      return { pods: peers(), areNamed: true }
    },
    handoverUnderWay: () => false,
    takeOverBy: async () => 'OK',
    nowMs: () => performance.now(),
  })
  const ended = new AbortController()
  const running = gate.run(ended.signal)
  t.teardown(async () => {
    ended.abort()
    await running
  })
  return { gate, told, asked }
}

/** As image/server.sh does it. */
function request(runDir: string, token: string): void {
  mkdirSync(join(runDir, 'gate'), { recursive: true })
  writeFileSync(join(runDir, 'gate', 'request.new'), `${token} - 0\n`)
  renameSync(join(runDir, 'gate', 'request.new'), join(runDir, 'gate', 'request'))
}

const answerIn = (runDir: string): string => {
  const path = join(runDir, 'gate', 'answer')
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
}

const isAnswered = (runDir: string, token: string) =>
  until(() => answerIn(runDir) === `${token} open`, { what: `the gate answers ${token}` })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

/** Sends inline commands and gives all that came back until the server closed. */
const say = (port: number, ...commands: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write([...commands, 'QUIT', ''].join('\r\n')),
    )
    let text = ''
    socket.on('data', data => (text += data.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })

/** Runs a cluster server of its own on the folder, says the commands, and lets it save and end. */
async function runServer(
  name: ServerName,
  dataDir: string,
  args: readonly string[],
  commands: readonly string[],
): Promise<void> {
  const [port, busPort] = [await freePort(), await freePort()]
  const all = [
    '--port',
    String(port),
    '--cluster-port',
    String(busPort),
    '--bind',
    '127.0.0.1',
    '--dir',
    dataDir,
    '--cluster-enabled',
    'yes',
    ...args,
  ]
  const child: ChildProcess = spawn(serverPath(name), all, { stdio: 'ignore' })
  const ended = new Promise(resolve => child.once('exit', resolve))
  try {
    await until(async () => (await say(port, 'PING')).includes('PONG'), { what: `${name} answers` })
    // The slots of a cluster of one: it takes writes as soon as it says ok.
    if (commands.length > 0) {
      await say(port, 'CLUSTER ADDSLOTSRANGE 0 16383')
      await until(async () => (await say(port, 'CLUSTER INFO')).includes('cluster_state:ok'), {
        what: 'ok',
      })
      await say(port, ...commands)
    }
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

for (const name of serversFor(file)) {
  const options = { skip: skipWithout(name), timeout: 120_000 }
  void t.test(`${name}: tells an empty dataset from one with keys`, options, async t => {
    const aof = folders(t)
    t.equal((await readVolume(aof.dataDir, aof.runDir)).dataset, 'none')
    await runServer(name, aof.dataDir, ['--appendonly', 'yes'], [])
    const fresh = await readVolume(aof.dataDir, aof.runDir)
    t.equal(fresh.dataset, 'empty', 'a fresh append-only file')
    t.equal(fresh.nodesConf.state, 'blank')
    await runServer(name, aof.dataDir, ['--appendonly', 'yes'], ['SET a b'])
    const written = await readVolume(aof.dataDir, aof.runDir)
    t.equal(written.dataset, 'present', 'one key in the increment')
    t.equal(written.nodesConf.state, 'member')
    await runServer(
      name,
      aof.dataDir,
      ['--appendonly', 'yes', '--appendfsync', 'always'],
      ['BGREWRITEAOF'],
    )
    t.equal((await readVolume(aof.dataDir, aof.runDir)).dataset, 'present', 'one key in the base')

    const rdb = folders(t)
    writeFileSync(join(rdb.runDir, 'redis.conf'), 'appendonly yes\nport 1\nAppendOnly no\n')
    await runServer(name, rdb.dataDir, ['--appendonly', 'no', '--save', '1 1'], ['SET a b', 'SAVE'])
    t.equal((await readVolume(rdb.dataDir, rdb.runDir)).dataset, 'present', 'an RDB with a key')
    await runServer(
      name,
      rdb.dataDir,
      ['--appendonly', 'no', '--save', '1 1'],
      ['FLUSHALL', 'SAVE'],
    )
    t.equal((await readVolume(rdb.dataDir, rdb.runDir)).dataset, 'empty', 'an RDB without one')
  })

  void t.test(
    `${name}: a damaged file is kept aside and the server starts with its id`,
    options,
    async t => {
      const dirs = folders(t)
      await runServer(name, dirs.dataDir, ['--appendonly', 'yes'], ['SET a b'])
      const path = join(dirs.dataDir, 'nodes.conf')
      const damaged = `${readFileSync(path, 'utf8')}garbage\n`
      const before = readNodesConf(readFileSync(path, 'utf8'))
      writeFileSync(path, damaged)
      const { gate, told } = startGate(t, dirs, () => [])
      request(dirs.runDir, 'first')
      await isAnswered(dirs.runDir, 'first')
      const aside = readdirSync(dirs.dataDir).filter(name => name.startsWith('nodes.conf.corrupt-'))
      t.same(
        aside.map(name => readFileSync(join(dirs.dataDir, name), 'utf8')),
        [damaged],
      )
      t.ok(told.some(({ event }) => event === 'gate.setAside'))
      t.equal(gate.state().nodeId, before.state === 'member' ? before.nodeId : '')
      await runServer(name, dirs.dataDir, ['--appendonly', 'yes'], [])
      const after = readNodesConf(readFileSync(path, 'utf8'))
      if (before.state !== 'member' || after.state !== 'member') throw new Error(after.state)
      t.equal(after.nodeId, before.nodeId)
      t.same(after.myself.slots, before.myself.slots)
      t.equal((await readVolume(dirs.dataDir, dirs.runDir)).dataset, 'present')
    },
  )
}

void t.test('answers each request once, with the addresses that agents vouch for', async t => {
  const dirs = folders(t)
  const path = join(dirs.dataDir, 'nodes.conf')
  writeFileSync(path, recorded('valkey9-replica'))
  const before = readNodesConf(recorded('valkey9-replica'))
  if (before.state !== 'member') throw new Error(before.state)
  const [known] = peersOf(before)
  const pod = podOf(known?.hostname ?? '')
  if (!known || !pod) throw new Error('no peer')
  const facts = {
    pod: pod.name,
    hostname: pod.hostname,
    ordinal: pod.ordinal,
    nodeId: known.id,
    podUid: '',
    node: '',
    zone: '',
    revision: '',
    terminating: false,
    paused: false,
    gateOpenMs: 5,
    gateBecause: '',
  }
  const peer: PodView = {
    pod,
    address: '10.7.7.7',
    agent: { state: 'answered', facts },
    server: silent,
  }
  const { gate, told, asked } = startGate(t, dirs, () => [peer])
  t.equal(gate.state().openedAtMs, null)
  request(dirs.runDir, 'one')
  await isAnswered(dirs.runDir, 'one')
  const after = readNodesConf(readFileSync(path, 'utf8'))
  if (after.state !== 'member') throw new Error(after.state)
  for (const node of peersOf(after))
    t.equal(node.ip, node.id === known.id ? '10.7.7.7' : '127.0.0.1')
  t.equal(after.myself.ip, '10.1.1.1')
  t.equal(asked.length, 5, 'every other pod of the file is asked for')
  t.not(gate.state().openedAtMs, null)

  request(dirs.runDir, 'two')
  await isAnswered(dirs.runDir, 'two')
  t.equal(told.filter(({ event }) => event === 'gate.opened').length, 2)
  t.same(readdirSync(dirs.dataDir), ['nodes.conf'], 'nothing is left behind')
})

void t.test(
  'holds an empty server that owns slots, and opens when its replica is empty too',
  async t => {
    const dirs = folders(t)
    writeFileSync(join(dirs.dataDir, 'nodes.conf'), recorded('redis7-master'))
    const conf = readNodesConf(recorded('redis7-master'))
    if (conf.state !== 'member') throw new Error(conf.state)
    const copy = peersOf(conf).find(node => node.masterId === conf.nodeId)
    const pod = podOf(copy?.hostname ?? '')
    if (!copy || !pod) throw new Error('no replica')
    const facts = {
      pod: pod.name,
      hostname: pod.hostname,
      ordinal: pod.ordinal,
      nodeId: copy.id,
      podUid: '',
      node: '',
      zone: '',
      revision: '',
      terminating: false,
      paused: false,
      gateOpenMs: null,
      gateBecause: '',
    }
    let dataset: 'none' | 'present' = 'present'
    const { gate, told } = startGate(t, dirs, () => [
      {
        pod,
        address: '10.7.7.7',
        agent: { state: 'answered', facts: { ...facts, dataset } },
        server: silent,
      },
    ])
    request(dirs.runDir, 'one')
    await until(() => gate.state().held, { what: 'the gate is held' })
    t.match(gate.state().because, /waiting for its shard's copies/)
    t.equal(answerIn(dirs.runDir), '')
    dataset = 'none'
    await isAnswered(dirs.runDir, 'one')
    t.equal(
      told.filter(({ event }) => event === 'gate.held').length,
      1,
      'one line, however long it waits',
    )
  },
)

void t.test(
  'a dataset of nobody stays until every slot has an owner; nothing is written over',
  async t => {
    const dirs = folders(t)
    writeFileSync(join(dirs.dataDir, 'appendonly.aof'), '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n')
    const { gate } = startGate(t, dirs, () => [])
    request(dirs.runDir, 'one')
    await until(() => gate.state().held, { what: 'the gate is held' })
    t.match(gate.state().because, /16384 slots have no living owner/)
    t.same(readdirSync(dirs.dataDir), ['appendonly.aof'])
  },
)
