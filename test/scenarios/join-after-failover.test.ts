import t from 'tap'
import { planCluster } from '../../agent/plan/plan.ts'
import { Model } from '../helper/model.ts'

/** Plans and does what is planned until nothing is left to do. */
function settle(model: Model): void {
  for (let cycle = 0; cycle < 30; cycle++)
    for (const action of planCluster(model.view(), model.wish).actions) model.apply(action)
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
