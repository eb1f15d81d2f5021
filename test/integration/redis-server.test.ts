import t from 'tap'
import type { Credentials } from '../../agent/redis/pool.ts'
import { skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { connect, freeAddresses, startServer, startStranger } from './redis-process.ts'

t.setTimeout(300_000)

const oneAddress = async (): Promise<string> => (await freeAddresses(1))[0] ?? ''

for (const name of ['redis7', 'valkey9'] as const) {
  const skip = skipWithout(name)
  const flavor = name === 'redis7' ? 'redis' : 'valkey'

  void t.test(`${name}: reads a fresh server`, { skip }, async t => {
    const address = await oneAddress()
    const hostname = 'redis-cluster-0.redis-cluster.default.svc.cluster.local'
    const announced = ['--cluster-announce-hostname', hostname, '--cluster-node-timeout', '7000']
    await startServer(t, name, address, ['--cluster-enabled', 'yes', ...announced])
    const connections = connect(t)
    const view = await connections.readServer(address)
    if (view.state !== 'answered') return t.fail(`${view.state}: ${view.because}`)
    t.match(view.facts, {
      clusterState: 'fail',
      flavor,
      keys: 0,
      settings: { nodeTimeoutMs: 7000, disklessSyncDelayS: 5, replicaNoFailover: false },
      replication: { role: 'master', replicas: [] },
    })
    t.equal(view.facts.nodes.length, 1)
    t.equal(view.facts.nodes[0]?.hostname, hostname)
    t.equal(await connections.whoIs(address), view.facts.nodeId)
    return t.end()
  })

  void t.test(`${name}: needs the password, and reads it anew when refused`, { skip }, async t => {
    const address = await oneAddress()
    await startServer(t, name, address, ['--cluster-enabled', 'yes', '--requirepass', 'right'])
    t.match(await connect(t).readServer(address), { state: 'unusable', because: /NOAUTH/ })

    let login: Credentials = { password: 'wrong' }
    const connections = connect(t, { credentials: async () => login })
    t.match(await connections.readServer(address), { state: 'unusable', because: /WRONGPASS/ })
    t.equal(await connections.whoIs(address), null)
    login = { password: 'right' }
    t.match(await connections.readServer(address), { state: 'answered' })
    const [set] = await connections.run(address, [['CONFIG', 'SET', 'requirepass', 'new']])
    t.strictSame(set, { value: 'OK' })
    t.match(await connections.readServer(address), { state: 'answered' }, 'stays logged in')
  })

  void t.test(`${name}: a user without the rights is told apart`, { skip }, async t => {
    const address = await oneAddress()
    const weak = ['--user', 'weak', 'on', '>pw', '-@all', '+ping']
    await startServer(t, name, address, ['--cluster-enabled', 'yes', ...weak])
    const login = { username: 'weak', password: 'pw' }
    const connections = connect(t, { credentials: async () => login })
    t.match(await connections.readServer(address), { state: 'unusable', because: /NOPERM/ })
  })

  void t.test(`${name}: a password where none is needed does no harm`, { skip }, async t => {
    const address = await oneAddress()
    await startServer(t, name, address)
    const connections = connect(t, { credentials: async () => ({ password: 'any' }) })
    t.match(await connections.readServer(address), { state: 'answered' })
  })

  void t.test(`${name}: no cluster mode is unusable`, { skip }, async t => {
    const address = await oneAddress()
    await startServer(t, name, address, [])
    const view = await connect(t).readServer(address)
    t.match(view, { state: 'unusable', because: /cluster-enabled must be yes/ })
  })

  void t.test(`${name}: a server that takes no more connections is silent`, { skip }, async t => {
    const address = await oneAddress()
    await startServer(t, name, address)
    const first = connect(t)
    t.match(await first.run(address, [['CONFIG', 'SET', 'maxclients', '1']]), [{ value: 'OK' }])
    // The connection that startServer asked with is still open as well: every further one is too many.
    const view = await connect(t).readServer(address)
    t.match(view, { state: 'silent', because: /maxclients/ })
  })

  void t.test(`${name}: tells that it is loading`, { skip }, async t => {
    const address = await oneAddress()
    const debug = ['--enable-debug-command', 'yes']
    await startServer(t, name, address, ['--cluster-enabled', 'yes', ...debug])
    const connections = connect(t)
    const filled = await connections.run(address, [
      ['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'],
      ['DEBUG', 'POPULATE', '2000'],
    ])
    t.strictSame(filled, [{ value: 'OK' }, { value: 'OK' }])
    // Each key takes 1.5 ms: the reload lasts until the test has seen it.
    const slow = connect(t)
    const reload = slow
      .run(address, [
        ['CONFIG', 'SET', 'key-load-delay', '1500'],
        ['CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024'],
        ['DEBUG', 'RELOAD'],
      ])
      .catch((error: unknown) => error)
    const view = await until(
      async () => {
        const view = await connections.readServer(address)
        return view.state === 'loading' ? view : null
      },
      { what: 'the server says that it is loading', everyMs: 5 },
    )
    t.match(view.because, /loading its dataset, [\d.]+ % done/)
    await reload
  })
}

void t.test('nobody listens: silent, with the reason', async t => {
  const view = await connect(t).readServer(await oneAddress())
  t.match(view, { state: 'silent', because: /ECONNREFUSED/ })
})

void t.test('a service that is no Redis is unusable', async t => {
  const address = await oneAddress()
  await startStranger(t, address, socket =>
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
  )
  const view = await connect(t).readServer(address)
  t.match(view, { state: 'unusable', because: /not as a Redis server does/ })
})

void t.test('a service that greets first is unusable', async t => {
  const address = await oneAddress()
  await startStranger(t, address, socket => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'))
  const view = await connect(t).readServer(address)
  t.match(view, { state: 'unusable', because: /not as a Redis server does/ })
})

void t.test('a service that says nothing is silent after the time-out', async t => {
  const address = await oneAddress()
  await startStranger(t, address, () => {})
  const view = await connect(t, { commandTimeoutMs: 200 }).readServer(address)
  t.match(view, { state: 'silent', because: /timed out/ })
})

void t.test('a service that closes at once is silent', async t => {
  const address = await oneAddress()
  await startStranger(t, address, socket => socket.destroy())
  t.match(await connect(t).readServer(address), { state: 'silent' })
})

void t.test('the signal ends a wait at once', async t => {
  const address = await oneAddress()
  await startStranger(t, address, () => {})
  const stop = new AbortController()
  const view = connect(t).readServer(address, stop.signal)
  stop.abort(new Error('the cycle ends'))
  t.match(await view, { state: 'silent', because: 'the cycle ends' })
})

void t.test('an older server is unusable, with its version and what is needed', async t => {
  const address = await oneAddress()
  // As 6.2 replies: INFO takes one section and CONFIG GET one name.
  await startStranger(t, address, socket =>
    socket.on('data', data => {
      const info = 'redis_version:6.2.14\r\n'
      const whole = data.includes('replication')
      if (whole) socket.write('$1\r\n-\r\n$1\r\n-\r\n-ERR syntax error\r\n-ERR wrong number\r\n')
      else socket.write(`$${info.length}\r\n${info}\r\n`)
    }),
  )
  const view = await connect(t).readServer(address)
  t.match(view, { state: 'unusable', because: /Redis 6\.2\.14; needed is Redis 7\.0 or newer/ })
})

void t.test('connects anew after the server went away and came back', async t => {
  const address = await oneAddress()
  const connections = connect(t)
  let asked = 0
  const answer = '-ERR This instance has cluster support disabled\r\n'
  await startStranger(t, address, socket =>
    socket.on('data', () => {
      asked += 1
      if (asked === 1) socket.destroy()
      else socket.write(answer.repeat(4))
    }),
  )
  t.match(await connections.readServer(address), { state: 'silent' })
  t.match(await connections.readServer(address), { state: 'unusable' })
})

void t.test('a connection that nobody uses is closed, and made anew when needed', async t => {
  const address = await oneAddress()
  let opened = 0
  let closed = 0
  await startStranger(t, address, socket => {
    opened += 1
    socket.on('data', () => socket.write('-ERR This instance has cluster support disabled\r\n'))
    socket.on('close', () => (closed += 1))
  })
  const connections = connect(t, { idleMs: 200 })
  t.match(await connections.run(address, [['PING']]), [{ refusal: /disabled/ }])
  await until(() => opened === 1 && closed === 1, { what: 'the idle connection is closed' })
  t.match(await connections.run(address, [['PING']]), [{ refusal: /disabled/ }])
  t.equal(opened, 2)
})
