import t from 'tap'
import { foreignNodes } from '../../agent/cluster/strangers.ts'
import type { ClusterView } from '../../agent/cluster/view.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import type { Action } from '../../agent/plan/action.ts'
import { mastersOf, settle, standing } from '../helper/loss.ts'
import { modelId, type Model } from '../helper/model.ts'

const DOMAIN = 'redis-cluster.default.svc.cluster.local'
const stranger = modelId(0xabc)
const theirs = 'redis-cluster-0.redis-cluster.other.svc.cluster.local'

/** Whether the action would have anything to do with the stranger. */
const touches = (action: Action): boolean => JSON.stringify(action).includes(stranger)

/** Everybody knows a node of another cluster. */
function invade(model: Model): void {
  for (const server of model.servers)
    server.ghosts.push({ id: stranger, hostname: theirs, slots: [], linked: true })
}

/** The model's view with the stranger's FAIL flag taken away: its link works. */
function healthyView(model: Model): ClusterView {
  const view = model.view()
  return {
    ...view,
    pods: view.pods.map(pod => {
      if (pod.server.state !== 'answered') return pod
      const nodes = pod.server.facts.nodes.map(node =>
        node.id === stranger ? { ...node, flags: new Set(['master'] as const) } : node,
      )
      return { ...pod, server: { ...pod.server, facts: { ...pod.server.facts, nodes } } }
    }),
  }
}

void t.test('a stranger in the tables is named, once, and nothing is done with it', async t => {
  const model = standing()
  invade(model)
  t.strictSame(
    foreignNodes(model.view(), DOMAIN).map(({ id }) => id),
    [stranger],
  )
  t.strictSame(settle(model).plans, [])
})

void t.test('who joins while a stranger is known becomes a replica of one of ours', async t => {
  const model = standing()
  const idle = model.servers.find(server => server.masterId !== null)
  if (!idle) throw new Error('no replica')
  invade(model)
  model.wipe(idle.ordinal)
  const { plans } = settle(model)
  t.notOk(plans.flatMap(({ actions }) => actions).some(touches))
  t.ok(mastersOf(model).some(({ id }) => id === model.server(idle.ordinal).masterId))
})

void t.test('a pod that belongs to another cluster is never met', async t => {
  const model = standing()
  const wiped = model.servers.find(server => server.masterId !== null)
  if (!wiped) throw new Error('no replica')
  model.wipe(wiped.ordinal)
  // Its volume is another cluster's: it knows nodes that are not here, and owns slots.
  const foreign = model.server(wiped.ordinal)
  foreign.slots = [[0, 16383]]
  foreign.epoch = 99
  foreign.keys = 7
  foreign.ghosts = [{ id: stranger, hostname: theirs, slots: [], linked: true }]
  for (const other of model.servers) if (other !== foreign) other.ghosts = []
  for (let cycle = 0; cycle < 5; cycle++)
    for (const action of planCluster(model.view(), model.wish).actions) {
      t.notOk(action.type === 'meet' && action.address === foreign.address)
      t.not(action.pod, foreign.ordinal)
      model.apply(action)
    }
  t.notOk(model.servers.some(server => server !== foreign && server.knows.has(foreign.id)))
})

void t.test('a node that says no name is a stranger once every pod answered', async t => {
  const model = standing()
  for (const server of model.servers)
    server.ghosts.push({ id: stranger, hostname: '', slots: [], linked: true })
  const seen = () => foreignNodes(model.view(), DOMAIN).length
  t.equal(seen(), 0, 'it is flagged as failed: one of ours that has ended looks like that')
  const view = healthyView(model)
  t.equal(foreignNodes(view, DOMAIN).length, 1)
  const silent = { state: 'silent', because: 'connection refused' } as const
  const [first, ...rest] = view.pods
  if (!first) throw new Error('no pods')
  t.equal(
    foreignNodes({ ...view, pods: [{ ...first, server: silent }, ...rest] }, DOMAIN).length,
    0,
    'while a pod is silent it may be that one',
  )
})

void t.test('our own pods are no strangers, nor are their earlier lives', async t => {
  const model = standing()
  model.wipe(4)
  t.strictSame(foreignNodes(model.view(), DOMAIN), [])
})
