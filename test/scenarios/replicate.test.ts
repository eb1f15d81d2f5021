import t from 'tap'
import { planCluster } from '../../agent/plan/plan.ts'
import { Model } from '../helper/model.ts'

/** Plans and does what is planned until nothing is left to do. */
function settle(model: Model): void {
  for (let cycle = 0; cycle < 30; cycle++) {
    const { actions } = planCluster(model.view(), model.wish)
    if (actions.length === 0) return
    for (const action of actions) model.apply(action)
  }
}

void t.test(
  'who lost its volume waits until its old shard has a master, and copies that',
  async t => {
    const model = new Model(6)
    settle(model)
    const old = model.server(0)
    const heir = model.servers.find(server => server.masterId === old.id)
    if (!heir) throw new Error('no replica')
    model.wipe(0)
    settle(model)
    t.equal(model.server(0).masterId, null, 'before the failover it copies nobody')

    heir.slots = old.slots
    heir.masterId = null
    for (const server of model.servers) for (const ghost of server.ghosts) ghost.slots = []
    settle(model)
    t.equal(model.server(0).masterId, heir.id)
    t.equal(model.servers.filter(server => server.masterId !== null).length, 3)
    t.strictSame(
      new Set(model.servers.flatMap(({ masterId }) => masterId ?? [])).size,
      3,
      'each shard has a copy',
    )
  },
)

void t.test('no replica is placed by guessing where a silent agent runs', async t => {
  const model = new Model(6)
  for (let cycle = 0; model.servers.some(server => server.knows.size < 5); cycle++) {
    if (cycle > 20) throw new Error('they never meet')
    for (const action of planCluster(model.view(), model.wish).actions) model.apply(action)
  }
  model.server(0).agentUp = false
  settle(model)
  t.ok(
    model.servers.every(server => server.masterId === null),
    'pod 0 owns slots and nobody knows on which node',
  )
  t.match(planCluster(model.view(), model.wish), {
    phase: 'healing',
    because: 'redis-cluster-3 holds no slots and copies nobody yet',
  })
  model.server(0).agentUp = true
  settle(model)
  for (const server of model.servers.filter(({ masterId }) => masterId !== null))
    t.not(model.servers.find(({ id }) => id === server.masterId)?.node, server.node)
  t.equal(planCluster(model.view(), model.wish).phase, 'ok')
})

void t.test('a server that dies in a half-done formation is waited for', async t => {
  for (const steps of [1, 2, 6, 9, 12, 15, 30, 39, 40, 41, 42, 43, 44, 45, 46, 47])
    for (const dead of [0, 1, 4, 5]) {
      const model = new Model(6)
      let left = steps
      for (let cycle = 0; left > 0 && cycle < 20; cycle++) {
        const { actions } = planCluster(model.view(), model.wish)
        for (const action of actions.slice(0, left)) model.apply(action)
        left -= actions.length
      }
      // Once some copies are placed the rest must make do with what is left.
      const isPlaced = model.servers.some(({ masterId }) => masterId !== null)
      model.server(dead).up = false
      settle(model)
      model.server(dead).up = true
      settle(model)
      const copies = model.servers.filter(({ masterId }) => masterId !== null)
      const what = `pod ${dead} was away after ${steps} steps`
      t.equal(new Set(copies.map(({ masterId }) => masterId)).size, 3, what)
      for (const { masterId, node } of isPlaced ? [] : copies)
        t.not(model.servers.find(({ id }) => id === masterId)?.node, node, what)
    }
})
