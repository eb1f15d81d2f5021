import { readFileSync } from 'node:fs'
import t from 'tap'
import { AgentState } from '../../agent/agent-state.ts'
import { readNodesConf, type NodesConf } from '../../agent/cluster/nodes-conf.ts'
import type { PodView } from '../../agent/cluster/view.ts'
import { readConfig } from '../../agent/config.ts'
import { decideGate, needsServers } from '../../agent/plan/pod-rules/gate.ts'
import type { GateDecision, GateFacts } from '../../agent/plan/pod-rules/gate-facts.ts'
import {
  away,
  but,
  closed,
  conf,
  gated,
  healthy,
  host,
  id,
  other,
  others,
  peer,
  server,
  tookOver,
} from './gate-world.ts'

const facts = (change: Partial<GateFacts>): GateFacts => ({
  nodesConf: readNodesConf(conf(0)),
  dataset: 'present',
  own: { hostname: host(0), ip: '10.0.0.0' },
  peers: others(0, healthy),
  areNamed: true,
  handoverUnderWay: false,
  waitedMs: 0,
  nodeTimeoutMs: 5000,
  failedStarts: 0,
  ...change,
})

const shown = (decision: GateDecision): string =>
  decision.open
    ? ['open', decision.nodesConf, ...decision.setAside].join(' ')
    : [
        'held',
        ...(decision.takeOverBy ? [`take over by ${decision.takeOverBy.split('.')[0]}`] : []),
        ...(decision.needsPerson ? ['a person'] : []),
      ].join(', ')

const unnamed = { peers: [], areNamed: false }
const blank: NodesConf = { state: 'blank', nodeId: id(0) }
const damagedMaster = readNodesConf(`${conf(0)}garbage\n`)
const damagedReplica = readNodesConf(`${conf(3)}garbage\n`)
const masterCut = readNodesConf(conf(3).replace(/^0{40}/m, '00'))
const noOwnLine = readNodesConf(conf(0).replace('myself,', ''))
const replicaAlone = readNodesConf(`${conf(3).split('\n')[3]}\n`)
const ownOf = (n: number) => ({ hostname: host(n), ip: `10.0.0.${n}` })
const lostVolume = (n: number): PodView => peer(n, { server: server(n, 50) })

const scenarios: readonly (readonly [
  what: string,
  change: Partial<GateFacts>,
  expected: string,
])[] = [
  [
    'a new volume',
    { nodesConf: { state: 'none' }, dataset: 'none', peers: others(0, away) },
    'open keep',
  ],
  ['a blank node', { nodesConf: blank, dataset: 'empty', peers: others(0, away) }, 'open keep'],
  ['a master with its dataset, all vouched', {}, 'open rewrite'],
  ['a master with its dataset asks for half a second', { peers: others(0, away) }, 'held'],
  ['then it starts with dead addresses', { peers: others(0, away), waitedMs: 500 }, 'open rewrite'],
  [
    'a replica without a dataset',
    {
      nodesConf: readNodesConf(conf(3)),
      dataset: 'none',
      own: ownOf(3),
      peers: others(3, healthy),
    },
    'open rewrite',
  ],
  ['a crash handover is under way', { handoverUnderWay: true }, 'held'],
  ['it is done', { handoverUnderWay: true, peers: others(0, tookOver) }, 'open rewrite'],
  ['it does not come to an end', { handoverUnderWay: true, waitedMs: 5000 }, 'open rewrite'],

  [
    'an empty master while its replica lives',
    { dataset: 'none' },
    'held, take over by redis-cluster-3',
  ],
  [
    'an empty master while its replica lives, however long',
    { dataset: 'empty', waitedMs: 1e6 },
    'held, take over by redis-cluster-3',
  ],
  [
    'an empty master after the take-over',
    { dataset: 'empty', peers: others(0, tookOver) },
    'open rewrite',
  ],
  [
    'an empty master whose replica loads',
    {
      dataset: 'none',
      peers: others(0, but(3, peer(3, { server: { state: 'loading', because: '' } }), healthy)),
    },
    'held',
  ],
  [
    'a cache without persistence, all restarted',
    { dataset: 'none', peers: others(0, gated('none')) },
    'open rewrite',
  ],
  [
    'its replica answers and is empty',
    { dataset: 'none', peers: others(0, n => peer(n, { server: server(n, 0) })) },
    'open rewrite',
  ],
  [
    'its replica lost its volume',
    {
      dataset: 'none',
      peers: others(0, but(3, peer(3, { agent: { nodeId: other, gateOpenMs: null } }), away)),
    },
    'open rewrite',
  ],
  [
    'its replica began on a new volume, and its server is silent now',
    {
      dataset: 'none',
      peers: others(0, but(3, peer(3, { agent: { nodeId: null, dataset: 'none' } }), away)),
    },
    'held',
  ],
  [
    'its replica was another node when it began, and its server is silent now',
    { dataset: 'none', peers: others(0, but(3, peer(3, { agent: { nodeId: other } }), away)) },
    'held',
  ],
  [
    'its replica has a dataset without nodes.conf, and its gate is closed',
    {
      dataset: 'none',
      peers: others(0, but(3, peer(3, { agent: { ...closed, dataset: 'present' } }), away)),
    },
    'held',
  ],
  [
    'its replica has a new volume, and its gate is closed',
    {
      dataset: 'none',
      peers: others(0, but(3, peer(3, { agent: { ...closed, dataset: 'none' } }), away)),
    },
    'open rewrite',
  ],
  [
    'its replica will come with a dataset',
    { dataset: 'none', peers: others(0, gated('present')) },
    'held',
  ],
  ['its replica is away', { dataset: 'none', peers: others(0, but(3, away(3), healthy)) }, 'held'],
  [
    'its replica stays away',
    { dataset: 'none', waitedMs: 10_000, peers: others(0, but(3, away(3), healthy)) },
    'open blank nodes.conf',
  ],
  ['nobody answers', { dataset: 'none', waitedMs: 9999, peers: others(0, away) }, 'held'],
  ['nobody answers for long', { dataset: 'none', waitedMs: 1e6, peers: others(0, away) }, 'held'],
  [
    'its replica lives without a majority',
    { dataset: 'none', peers: others(0, but(3, healthy(3), away)) },
    'held',
  ],
  [
    'its replica lives without a majority for long',
    { dataset: 'none', waitedMs: 1e6, peers: others(0, but(3, healthy(3), away)) },
    'held',
  ],
  [
    'it never had a key, by its append-only files, and nobody answers',
    { dataset: 'empty', wasEmpty: true, waitedMs: 500, peers: others(0, away) },
    'open rewrite',
  ],
  [
    'it had no key, by its append-only files, and its replica answers with data',
    { dataset: 'empty', wasEmpty: true, waitedMs: 500 },
    'held, take over by redis-cluster-3',
  ],
  [
    'the same without a majority',
    {
      dataset: 'empty',
      wasEmpty: true,
      waitedMs: 500,
      peers: others(0, but(3, healthy(3), away)),
    },
    'held',
  ],
  [
    'the same when the replica comes with its data',
    { dataset: 'empty', wasEmpty: true, waitedMs: 500, peers: others(0, gated('present')) },
    'held',
  ],
  [
    'it had no key, and DNS fails: the pods of nodes.conf are enough',
    { ...unnamed, dataset: 'empty', wasEmpty: true, waitedMs: 500 },
    'open rewrite',
  ],
  [
    'it had no key, nodes.conf is damaged, and DNS fails',
    { ...unnamed, nodesConf: damagedMaster, dataset: 'empty', wasEmpty: true, waitedMs: 1e6 },
    'held',
  ],
  [
    'all copies that nodes.conf names are empty, and DNS fails to say whether there are more',
    { dataset: 'none', peers: others(0, gated('none')), areNamed: false, waitedMs: 1e6 },
    'held',
  ],
  [
    'a damaged file of an empty master, and DNS fails',
    { ...unnamed, nodesConf: damagedMaster, dataset: 'none', waitedMs: 1e6 },
    'held',
  ],
  [
    'a damaged file of an empty master, and DNS names nobody',
    { nodesConf: damagedMaster, dataset: 'none', peers: [], waitedMs: 1e6 },
    'held',
  ],
  [
    'a new volume, and DNS fails',
    { ...unnamed, nodesConf: { state: 'none' }, dataset: 'none', waitedMs: 1e6 },
    'held',
  ],
  [
    'a new volume, and DNS names nobody yet',
    { nodesConf: { state: 'none' }, dataset: 'none', peers: [] },
    'open keep',
  ],
  ['a master with its dataset, and DNS fails', { ...unnamed, waitedMs: 500 }, 'open rewrite'],
  [
    'an old table claims its slots',
    {
      nodesConf: readNodesConf(conf(0).replaceAll(' 0 0 1 connected', ' 0 0 12 connected')),
      dataset: 'none',
      peers: others(0, tookOver),
      waitedMs: 0,
    },
    'held',
  ],

  [
    'a damaged file of a master',
    { nodesConf: damagedMaster, peers: others(0, away) },
    'open salvage nodes.conf',
  ],
  [
    'a damaged file of an empty master',
    { nodesConf: damagedMaster, dataset: 'none' },
    'held, take over by redis-cluster-3',
  ],
  [
    'a damaged file of an empty master, taken over',
    { nodesConf: damagedMaster, dataset: 'none', peers: others(0, tookOver) },
    'open salvage nodes.conf',
  ],
  [
    'a damaged file of an empty master, nobody there',
    { nodesConf: damagedMaster, dataset: 'none', peers: others(0, away) },
    'held',
  ],
  [
    'a damaged file of a replica',
    { nodesConf: damagedReplica, own: ownOf(3), peers: others(3, healthy) },
    'open salvage nodes.conf',
  ],
  [
    'a replica whose master cannot be read',
    { nodesConf: masterCut, own: ownOf(3), peers: others(3, healthy) },
    'open blank dataset nodes.conf',
  ],
  [
    'the same while masters are away',
    { nodesConf: masterCut, own: ownOf(3), peers: others(3, away) },
    'held, a person',
  ],
  [
    'the same without a dataset',
    { nodesConf: masterCut, dataset: 'none', own: ownOf(3), peers: others(3, away) },
    'open blank nodes.conf',
  ],
  [
    'a replica with its own line alone',
    { nodesConf: replicaAlone, own: ownOf(3), peers: others(3, healthy) },
    'open blank dataset nodes.conf',
  ],
  [
    'no own line and no dataset',
    { nodesConf: noOwnLine, dataset: 'none', peers: others(0, away) },
    'open blank nodes.conf',
  ],

  [
    'a dataset without nodes.conf, a slot without owner',
    { nodesConf: { state: 'none' }, own: { hostname: host(0), ip: '10.0.0.77' } },
    'held, a person',
  ],
  [
    'a dataset without nodes.conf, taken over',
    { nodesConf: { state: 'none' }, peers: others(0, tookOver) },
    'open blank dataset',
  ],
  [
    'a dataset beside a blank nodes.conf',
    { nodesConf: blank, peers: others(0, tookOver) },
    'open blank dataset nodes.conf',
  ],

  [
    'a lost volume, and a replica copies from the address',
    { nodesConf: { state: 'none' }, dataset: 'none', peers: others(0, lostVolume) },
    'held, take over by redis-cluster-3',
  ],
  [
    'a lost volume at another address',
    { nodesConf: { state: 'none' }, dataset: 'none', own: { hostname: host(0), ip: '10.0.0.77' } },
    'open keep',
  ],
  [
    'a lost volume after the take-over',
    { nodesConf: { state: 'none' }, dataset: 'none', peers: others(0, tookOver) },
    'open keep',
  ],
  [
    'a new pod at an address that a replica of others still has',
    { nodesConf: { state: 'none' }, dataset: 'none', own: { hostname: host(9), ip: '10.0.0.1' } },
    'held',
  ],
  [
    'the same for long',
    {
      nodesConf: { state: 'none' },
      dataset: 'none',
      own: { hostname: host(9), ip: '10.0.0.1' },
      waitedMs: 10_000,
    },
    'open keep',
  ],

  [
    'two failed starts: fields that an older server may refuse go',
    { failedStarts: 2 },
    'open plain',
  ],
  [
    'data that does not load, a replica lives',
    { failedStarts: 3 },
    'held, take over by redis-cluster-3',
  ],
  [
    'data that does not load, taken over',
    { failedStarts: 3, peers: others(0, tookOver) },
    'open rewrite dataset',
  ],
  [
    'data that does not load, nobody has it',
    { failedStarts: 3, peers: others(0, but(3, away(3), healthy)) },
    'held, a person',
  ],
  [
    "a replica's data does not load",
    {
      failedStarts: 3,
      nodesConf: readNodesConf(conf(3)),
      own: ownOf(3),
      peers: others(3, healthy),
    },
    'open rewrite dataset',
  ],
  [
    "a replica's data does not load, its master is away",
    {
      failedStarts: 3,
      nodesConf: readNodesConf(conf(3)),
      own: ownOf(3),
      peers: others(3, but(0, away(0), healthy)),
    },
    'held, a person',
  ],
]

void t.test('the gate decides', async t => {
  for (const [what, change, expected] of scenarios) {
    const decision = decideGate(facts(change))
    t.equal(shown(decision), expected, `${what}: ${decision.because}`)
    t.same(decideGate(facts(change)), decision, `${what}: and so again`)
  }
})

void t.test('an address is vouched for only by the agent of that pod with that node', async t => {
  const wrongs: readonly (readonly [string, PodView])[] = [
    ['another pod answers there', peer(3, { agent: { hostname: host(4) } })],
    ['another node lives there', peer(3, { agent: { nodeId: id(4) } })],
    ['a pod without a node', peer(3, { agent: { nodeId: null } })],
    ['nobody answers', away(3)],
  ]
  for (const [what, wrong] of wrongs)
    t.equal(shown(decideGate(facts({ peers: others(0, but(3, wrong, healthy)) }))), 'held', what)
})

void t.test('a member with its data asks no server; whoever may lose some does', async t => {
  const needs = (change: Partial<GateFacts>): boolean => needsServers(facts(change))
  t.equal(needs({}), false)
  t.equal(needs({ nodesConf: readNodesConf(conf(3)), dataset: 'none' }), false)
  t.equal(needs({ dataset: 'empty' }), true)
  t.equal(needs({ failedStarts: 3 }), true)
  t.equal(needs({ nodesConf: { state: 'none' }, dataset: 'none' }), true)
})

void t.test('the recorded files open', async t => {
  for (const name of ['redis7-master', 'redis-next-replica', 'valkey8-replica', 'valkey9-failed']) {
    const text = readFileSync(
      new URL(`../unit/cluster/recorded/${name}.conf`, import.meta.url),
      'utf8',
    )
    const change = { nodesConf: readNodesConf(text), peers: [], waitedMs: 500 }
    t.equal(shown(decideGate(facts(change))), 'open rewrite', name)
  }
})

void t.test('an agent tells of the dataset only while its gate is closed', async t => {
  const config = readConfig({ POD_NAME: 'redis-cluster-0', POD_NAMESPACE: 'a', POD_IP: '10.0.0.1' })
  const gate = { because: '', nodeId: null, dataset: 'none', held: false } as const
  const told = (openedAtMs: number | null) =>
    new AgentState(config, () => ({ ...gate, openedAtMs })).facts().dataset
  t.equal(told(null), 'none')
  t.equal(told(1), undefined)
})
