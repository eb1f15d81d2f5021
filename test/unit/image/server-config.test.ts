import t from 'tap'
import { quote, renderServerConfig } from '../../../agent/init/server-config.ts'
import { readConfig } from '../../../agent/config.ts'

const config = readConfig({
  POD_NAME: 'redis-cluster-2',
  POD_NAMESPACE: 'shop',
  POD_IP: '10.0.0.7',
  DATA_DIR: '/data',
})
const nothing = { text: '', user: null, password: null }

/** The value that the server takes: the last line of that name. */
function valueOf(text: string, name: string): string | undefined {
  const lines = text.split('\n').filter(line => line.startsWith(`${name} `))
  return lines.at(-1)?.slice(name.length + 1)
}

void t.test('has the defaults of the product and the identity of the pod', t => {
  const { text, secret, ignored } = renderServerConfig(config, nothing)
  t.equal(valueOf(text, 'appendonly'), 'yes')
  t.equal(valueOf(text, 'appendfsync'), 'everysec')
  t.equal(valueOf(text, 'cluster-enabled'), 'yes')
  t.equal(valueOf(text, 'cluster-require-full-coverage'), 'no')
  t.equal(valueOf(text, 'cluster-node-timeout'), '5000')
  t.equal(valueOf(text, 'cluster-announce-ip'), '10.0.0.7')
  t.equal(
    valueOf(text, 'cluster-announce-hostname'),
    'redis-cluster-2.redis-cluster.shop.svc.cluster.local',
  )
  t.equal(secret, false)
  t.strictSame(ignored, [])
  t.end()
})

void t.test('lets the lines of the user win over the defaults', t => {
  const { text, ignored } = renderServerConfig(config, {
    ...nothing,
    text: 'appendfsync always\nmaxmemory 100mb\n',
  })
  t.equal(valueOf(text, 'appendfsync'), 'always')
  t.equal(valueOf(text, 'maxmemory'), '100mb')
  t.strictSame(ignored, [])
  t.end()
})

void t.test('takes out the lines that must not count, and names what counts', t => {
  const lines = [
    '# dir /elsewhere is only a comment',
    '  DIR /tmp',
    'port 7000',
    '"cluster-enabled" no',
    'cluster-announce-port 7000',
    'cluster-port 9999',
    'maxmemory 1gb',
  ]
  const { text, ignored } = renderServerConfig(config, { ...nothing, text: lines.join('\r\n') })
  t.equal(valueOf(text, 'dir'), '"/data"')
  t.equal(valueOf(text, 'port'), '6379')
  t.equal(valueOf(text, 'cluster-enabled'), 'yes')
  t.notMatch(text, /\/tmp|7000|9999|cluster-enabled" no/)
  t.match(text, /^maxmemory 1gb$/m)
  t.match(text, /^# dir \/elsewhere/m)
  t.strictSame(
    ignored.map(({ line, text }) => [line, text]),
    [
      [2, 'DIR /tmp'],
      [3, 'port 7000'],
      [4, '"cluster-enabled" no'],
      [5, 'cluster-announce-port 7000'],
      [6, 'cluster-port 9999'],
    ],
  )
  t.equal(ignored[1]?.because, 'what counts is 6379, from REDIS_PORT')
  t.end()
})

void t.test(
  'writes a password for clients and replication, and never repeats one in a warning',
  t => {
    const { text, secret, ignored } = renderServerConfig(config, {
      text: 'requirepass old-secret',
      user: null,
      password: 'a "b" \\ é',
    })
    t.equal(secret, true)
    t.equal(valueOf(text, 'requirepass'), String.raw`"a \"b\" \\ \xc3\xa9"`)
    t.equal(valueOf(text, 'masterauth'), valueOf(text, 'requirepass'))
    t.notMatch(JSON.stringify(ignored), /secret/)
    t.equal(ignored.length, 1)
    t.end()
  },
)

void t.test('leaves the default user alone where the agent has a user of its own', t => {
  const { text } = renderServerConfig(config, { text: '', user: 'agent', password: 'x' })
  t.equal(valueOf(text, 'masteruser'), '"agent"')
  t.equal(valueOf(text, 'masterauth'), '"x"')
  t.equal(valueOf(text, 'requirepass'), undefined)
  t.end()
})

void t.test('keeps every password on one line', t => {
  t.equal(quote('a\nb\0'), String.raw`"a\x0ab\x00"`)
  t.end()
})
