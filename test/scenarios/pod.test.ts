import t from 'tap'
import type { PodRulesView } from '../../agent/cluster/view.ts'
import { planPod } from '../../agent/plan/plan.ts'
import { hostnameOf, type Model, type ModelServer } from '../helper/model.ts'
import { formed } from '../helper/formed-model.ts'

/** What the agent of that pod sees, and who answers where DNS says its peers are. */
function podView(model: Model, own: ModelServer): PodRulesView {
  return {
    own: model.podView(own),
    peers: model.servers
      .filter(peer => peer !== own && peer.up)
      .map(peer => ({
        hostname: hostnameOf(peer.ordinal),
        address: peer.address,
        nodeId: peer.id,
      })),
    nowMs: 0,
  }
}

const replicaOf = (model: Model, master: ModelServer): ModelServer => {
  const found = model.servers.find(server => server.masterId === master.id)
  if (!found) throw new Error(`${master.ordinal} has no replica`)
  return found
}

void t.test('a pod of a healthy cluster needs nothing', async t => {
  const model = formed(6)
  for (const server of model.servers)
    t.match(planPod(podView(model, server), model.wish), { phase: 'ok', actions: [] })
})

void t.test('a peer that moved is met at its new address, and then left alone', async t => {
  const model = formed(6)
  model.server(3).address = '10.0.9.9'
  const own = model.server(0)
  const plan = planPod(podView(model, own), model.wish)
  t.match(plan.actions, [{ type: 'meet', pod: 0, address: '10.0.9.9' }])
  for (const action of plan.actions) model.apply(action)
  t.match(planPod(podView(model, own), model.wish), { phase: 'ok', actions: [] })
})

void t.test('who answers with another id at the address is not met', async t => {
  const model = formed(6)
  model.server(3).address = '10.0.9.9'
  const view = podView(model, model.server(0))
  const other = {
    ...view,
    peers: view.peers.map(peer => ({ ...peer, nodeId: model.server(5).id })),
  }
  t.strictSame(planPod(other, model.wish).actions, [])
})

void t.test('replication that was not re-pointed is re-pointed', async t => {
  const model = formed(6)
  const replica = replicaOf(model, model.server(0))
  const view = podView(model, replica)
  if (view.own.server.state !== 'answered') throw new Error('the replica answers')
  const { facts } = view.own.server
  const stale: PodRulesView = {
    ...view,
    own: {
      ...view.own,
      server: {
        state: 'answered',
        facts: {
          ...facts,
          replication: { ...facts.replication, masterHost: '10.0.8.8', linkUp: false },
        },
      },
    },
  }
  const plan = planPod(stale, model.wish)
  t.match(plan.actions, [{ type: 'replicate', masterId: model.server(0).id }])
  t.match(plan.because, '10.0.8.8')
})

/** The view with that master flagged as failed, and what the server knows of its pings. */
function flagged(
  view: PodRulesView,
  master: ModelServer,
  pings: { readonly pingSentMs?: number; readonly pongReceivedMs?: number } = {},
): PodRulesView {
  if (view.own.server.state !== 'answered') throw new Error('the server answers')
  const { facts } = view.own.server
  const nodes = facts.nodes.map(node =>
    node.id === master.id
      ? { ...node, ...pings, flags: new Set([...node.flags, 'fail' as const]) }
      : { ...node, pongReceivedMs: 60_000 },
  )
  return {
    ...view,
    own: { ...view.own, server: { state: 'answered', facts: { ...facts, nodes } } },
  }
}

/** The view of a replica whose link to its master is down. */
function unlinked(view: PodRulesView): PodRulesView {
  if (view.own.server.state !== 'answered') throw new Error('the server answers')
  const { facts } = view.own.server
  const replication = { ...facts.replication, linkUp: false }
  return {
    ...view,
    own: { ...view.own, server: { state: 'answered', facts: { ...facts, replication } } },
  }
}

void t.test('a stale FAIL flag lowers the node-timeout, which comes back afterwards', async t => {
  const model = formed(6)
  const replica = replicaOf(model, model.server(1))
  const stale = () => flagged(podView(model, replica), model.server(0))
  const lower = planPod(stale(), model.wish)
  t.match(lower.actions, [
    {
      type: 'set-config',
      settings: { 'cluster-node-timeout': '2000', 'cluster-replica-no-failover': 'yes' },
    },
  ])
  for (const action of lower.actions) model.apply(action)
  t.strictSame(planPod(stale(), model.wish).actions, [], 'once is enough')
  const back = planPod(podView(model, replica), model.wish)
  t.match(back.actions, [
    {
      type: 'set-config',
      settings: { 'cluster-node-timeout': '5000', 'cluster-replica-no-failover': 'no' },
    },
  ])
  for (const action of back.actions) model.apply(action)
  t.match(planPod(podView(model, replica), model.wish), { phase: 'ok', actions: [] })
})

void t.test(
  'a replica may succeed a master that answers no ping, whatever its link says',
  async t => {
    const model = formed(6)
    const master = model.server(1)
    const replica = replicaOf(model, master)
    // Packets are lost, and the server dials again and again: the link is called connected.
    const lost = () =>
      flagged(podView(model, replica), master, { pingSentMs: 55_000, pongReceivedMs: 54_000 })
    t.strictSame(planPod(lost(), model.wish).actions, [], 'it is not forbidden to')

    // It was forbidden to while that flag was stale, and then its master was lost again.
    replica.noFailover = true
    replica.nodeTimeoutMs = 2000
    t.match(planPod(unlinked(lost()), model.wish).actions, [
      {
        type: 'set-config',
        settings: { 'cluster-node-timeout': '5000', 'cluster-replica-no-failover': 'no' },
      },
    ])
  },
)

void t.test('a ping that is a moment old does not make a flag less stale', async t => {
  const model = formed(6)
  const view = flagged(podView(model, model.server(2)), model.server(0), { pingSentMs: 59_900 })
  t.match(planPod(view, model.wish).actions, [{ type: 'set-config', pod: 2 }])
})

void t.test('a paused pod does nothing, and a silent server is waited for', async t => {
  const model = formed(6)
  model.server(3).address = '10.0.9.9'
  const view = podView(model, model.server(0))
  t.match(planPod(view, { ...model.wish, paused: true }), { phase: 'paused', actions: [] })
  model.server(0).up = false
  t.match(planPod(podView(model, model.server(0)), model.wish), { phase: 'waiting', actions: [] })
})
