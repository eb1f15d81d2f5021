import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import {
  DEAD_ADDRESS,
  salvaged,
  withAddresses,
  withoutNewerFields,
} from '../../../agent/cluster/nodes-conf-rewrite.ts'
import {
  nodeIdOf,
  peersOf,
  printNodesConf,
  readNodesConf,
  type DamagedConf,
  type MemberConf,
} from '../../../agent/cluster/nodes-conf.ts'

const folder = new URL('recorded/', import.meta.url)
const names = readdirSync(folder).filter(name => name.endsWith('.conf'))
const recorded = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const own = { ip: '10.1.2.3', port: 6379 }

function member(text: string): MemberConf {
  const conf = readNodesConf(text)
  if (conf.state !== 'member') throw new Error(`it is ${conf.state}`)
  return conf
}

function damaged(text: string): DamagedConf {
  const conf = readNodesConf(text)
  if (conf.state !== 'damaged') throw new Error(`it is ${conf.state}`)
  return conf
}

const id = (letter: string): string => letter.repeat(40)

void t.test('no file and an empty file are the same', async t => {
  t.same(readNodesConf(null), { state: 'none' })
  t.same(readNodesConf(''), { state: 'none' })
})

void t.test('a server that never met another is blank', async t => {
  for (const name of names.filter(name => name.includes('blank'))) {
    const conf = readNodesConf(recorded(name))
    t.equal(conf.state, 'blank', name)
    t.equal(nodeIdOf(conf), recorded(name).slice(0, 40), name)
  }
})

void t.test('members are read and printed to the byte', async t => {
  for (const name of names.filter(name => !name.includes('blank'))) {
    const conf = member(recorded(name))
    t.equal(printNodesConf(conf.lines), recorded(name), name)
    t.equal(peersOf(conf).length, 5, name)
    t.equal(conf.currentEpoch, 6, name)
    t.equal(conf.myself.hostname.startsWith('redis-cluster-'), true, name)
  }
})

void t.test('one that knows nobody is a member if it owns slots or has an epoch', async t => {
  const line = `${id('a')} :0@0 myself,master - 0 0 0 connected`
  t.equal(readNodesConf(`${line}\nvars currentEpoch 0 lastVoteEpoch 0\n`).state, 'blank')
  t.equal(readNodesConf(`${line} 7\nvars currentEpoch 0 lastVoteEpoch 0\n`).state, 'member')
  t.equal(readNodesConf(`${line}\nvars currentEpoch 3 lastVoteEpoch 0\n`).state, 'member')
})

void t.test('rewriting with the addresses that stand there changes nothing', async t => {
  for (const name of names.filter(name => /master|replica/.test(name))) {
    const conf = member(recorded(name))
    const text = withAddresses(conf, () => ({ ip: '127.0.0.1' }), { ip: '127.0.0.1', port: 6379 })
    t.equal(text, recorded(name), name)
  }
})

void t.test(
  'a vouched peer gets its address, any other the dead one; slots and fields stay',
  async t => {
    for (const name of names.filter(name => /master|replica/.test(name))) {
      const conf = member(recorded(name))
      const [first] = peersOf(conf)
      const addressOf = (_: string, nodeId: string) =>
        nodeId === first?.id ? { ip: '10.9.9.9' } : null
      const again = member(withAddresses(conf, addressOf, own))
      t.equal(again.myself.ip, own.ip)
      t.same(again.myself.slots, conf.myself.slots)
      t.same(again.myself.migrating, conf.myself.migrating)
      for (const [index, line] of again.lines.entries()) {
        const before = conf.lines[index]
        const words = (text: string | undefined): (string | undefined)[] => text?.split(' ') ?? []
        t.same(words(line.text).slice(2), words(before?.text).slice(2))
        t.same(
          words(line.text)[1]?.split(',').slice(1),
          words(before?.text)[1]?.split(',').slice(1),
        )
        if (!line.node || line.node.id === conf.nodeId) continue
        const vouched = line.node.id === first?.id
        t.equal(
          words(line.text)[1]?.split(',')[0],
          vouched ? `10.9.9.9:${first?.port}@${first?.busPort}` : DEAD_ADDRESS,
        )
      }
    }
  },
)

void t.test('noaddr goes in either case; fail only where the peer was found alive', async t => {
  const lines = [
    `${id('a')} 10.0.0.1:6379@16379,a.example myself,master - 0 0 1 connected 0-99`,
    `${id('b')} :0@0,b.example,tls-port=0 master,noaddr - 0 0 2 disconnected 100-199`,
    `${id('c')} 10.0.0.3:6379@16379,c.example slave,fail ${id('a')} 9 9 1 disconnected`,
    `${id('d')} fd00::4:6379@16379,d.example master,fail - 9 9 4 disconnected`,
    `${id('e')} 10.0.0.5:6379@16379 master - 9 9 5 connected`,
    'vars currentEpoch 5 lastVoteEpoch 0',
  ]
  const conf = member(`${lines.join('\n')}\n`)
  const known = new Map([
    ['b.example', 'fd00::b'],
    ['d.example', 'fd00::d'],
    ['', '10.66.66.66'],
  ])
  const text = withAddresses(
    conf,
    hostname => {
      const ip = known.get(hostname)
      return ip === undefined ? null : { ip }
    },
    { ip: 'fd00::a', port: 6379 },
  )
  t.same(text.split('\n'), [
    `${id('a')} fd00::a:6379@16379,a.example myself,master - 0 0 1 connected 0-99`,
    `${id('b')} fd00::b:6379@16379,b.example,tls-port=0 master - 0 0 2 disconnected 100-199`,
    `${id('c')} ${DEAD_ADDRESS},c.example slave,fail ${id('a')} 9 9 1 disconnected`,
    `${id('d')} fd00::d:6379@16379,d.example master - 9 9 4 disconnected`,
    `${id('e')} ${DEAD_ADDRESS} master - 9 9 5 connected`,
    'vars currentEpoch 5 lastVoteEpoch 0',
    '',
  ])
})

void t.test('an address that was dead once is whole again when the peer is found', async t => {
  const conf = member(recorded('valkey9-master.conf'))
  const dead = member(withAddresses(conf, () => null, own))
  const alive = member(withAddresses(dead, () => ({ ip: '10.0.0.7' }), own))
  const port = conf.myself.port
  for (const peer of peersOf(alive))
    t.same([peer.ip, peer.port, peer.busPort], ['10.0.0.7', port, port + 10000])
})

void t.test('of a damaged master its own line and vars are left', async t => {
  const text = `${recorded('valkey9-master.conf')}garbage\n`
  const { because, salvage } = damaged(text)
  t.equal(because, 'line 8: a line of 1 words')
  const again = member(salvaged(salvage, own) ?? '')
  t.equal(again.lines.length, 3)
  t.same(again.myself.slots, [[0, 5460]])
  t.equal(again.currentEpoch, 6)
  t.match(again.lines[0]?.text, /shard-id=98f8389c6dae02726d8c6969fd12e40bac402ad3/)
})

void t.test(
  'of a damaged replica its own line and its master’s are left, that one dead',
  async t => {
    for (const name of names.filter(name => name.includes('replica'))) {
      const before = member(recorded(name))
      const { salvage } = damaged(`${recorded(name)}garbage\n`)
      const again = member(salvaged(salvage, own) ?? '')
      t.equal(again.nodeId, before.nodeId)
      const [master, ...others] = peersOf(again)
      t.same(others, [])
      t.equal(master?.id, before.myself.masterId)
      t.same([master?.ip, master?.port], ['127.0.0.1', 1])
      t.same([...(master?.flags ?? [])], ['master'])
      t.equal(/shard-id/.test(printNodesConf(again.lines)), name !== 'redis7-replica.conf')
    }
  },
)

void t.test(
  'a replica whose master cannot be read is not salvaged, nor a file without its own line',
  async t => {
    const before = member(recorded('redis7-replica.conf'))
    const cut = recorded('redis7-replica.conf').replace(
      new RegExp(`^${before.myself.masterId}`, 'm'),
      'zz',
    )
    t.equal(salvaged(damaged(cut).salvage, own), null)
    const other = recorded('redis7-replica.conf').replace('myself,', '')
    t.equal(salvaged(damaged(other).salvage, own), null)
  },
)

void t.test('shard-ids that contradict each other are damage, as the server says', async t => {
  const conf = member(recorded('valkey9-replica.conf'))
  const text = recorded('valkey9-replica.conf')
  t.equal(readNodesConf(text).state, 'member')
  const own = conf.lines.find(line => line.node?.flags.has('myself'))?.text ?? ''
  const other = own.replace(/shard-id=[0-9a-f]{40}/, `shard-id=${id('1')}`)
  t.equal(readNodesConf(text.replace(own, other)).state, 'damaged')
})

void t.test('fields that an older server may refuse go, and only those', async t => {
  const line = (aux: string): string =>
    `${id('a')} 10.0.0.1:1@2,a.example${aux} myself,master - 0 0 1 connected 0-99`
  t.equal(
    withoutNewerFields(
      line(`,availability-zone=z1,tls-port=0,client-ipv4=1.2.3.4,shard-id=${id('2')}`),
    ),
    line(`,tls-port=0,shard-id=${id('2')}`),
  )
  t.equal(
    withoutNewerFields(recorded('redis-next-master.conf')),
    recorded('redis-next-master.conf'),
  )
  t.equal(withoutNewerFields(recorded('redis7-master.conf')), recorded('redis7-master.conf'))
})
