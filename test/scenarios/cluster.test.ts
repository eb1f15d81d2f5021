import t, { type Test } from 'tap'
import { breaches } from '../../agent/plan/invariants.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import type { Plan } from '../../agent/plan/action.ts'
import { countSlots } from '../../agent/cluster/slots.ts'
import { Model } from '../helper/model.ts'

/** Plans and applies whole plans until nothing is left to do; the plans that had actions. */
function run(model: Model, prefix = Infinity): Plan[] {
  const plans: Plan[] = []
  for (let cycle = 0; cycle < 50; cycle++) {
    const view = model.view()
    const plan = planCluster(view, model.wish)
    if (plan.actions.length === 0) return plans
    const broken = breaches(plan, view)
    if (broken.length > 0) throw new Error(broken.join('; '))
    plans.push(plan)
    for (const action of plan.actions.slice(0, prefix)) model.apply(action)
  }
  throw new Error(`never done: ${JSON.stringify(plans.at(-1))}`)
}

const shape = (model: Model) =>
  model.servers.map(server => ({
    ordinal: server.ordinal,
    slots: countSlots(server.slots),
    master: model.servers.find(other => other.id === server.masterId)?.ordinal ?? null,
  }))

function assertFormed(t: Test, model: Model, masters: number): void {
  const owners = model.servers.filter(server => server.slots.length > 0)
  t.equal(owners.length, masters)
  t.equal(countSlots(owners.flatMap(server => server.slots)), 16384)
  for (const server of model.servers) {
    t.equal(server.knows.size, model.servers.length - 1, `${server.ordinal} knows all others`)
    t.equal(server.nodeTimeoutMs, 5000, `${server.ordinal} has its node-timeout back`)
    if (server.slots.length > 0) continue
    const master = model.servers.find(other => other.id === server.masterId)
    t.ok(master, `${server.ordinal} has a master`)
    t.not(master?.node, server.node, `${server.ordinal} is not on its master's node`)
  }
}

void t.test('six blank pods become three masters with a replica each on another node', async t => {
  const model = new Model(6)
  const plans = run(model)
  assertFormed(t, model, 3)
  t.strictSame(
    shape(model).map(({ slots }) => slots),
    [5461, 5461, 5462, 0, 0, 0],
  )
  t.ok(plans.length <= 4, `${plans.length} plans are enough`)
  t.equal(planCluster(model.view(), model.wish).phase, 'ok')
})

void t.test(
  'a formation that ends after any number of actions of any cycle comes to the same result',
  async t => {
    const whole = new Model(6)
    const steps = run(whole).flatMap(plan => plan.actions).length
    for (let stop = 0; stop <= steps; stop++) {
      const model = new Model(6)
      let left = stop
      for (let cycle = 0; left > 0 && cycle < 20; cycle++) {
        const plan = planCluster(model.view(), model.wish)
        for (const action of plan.actions.slice(0, left)) model.apply(action)
        left -= plan.actions.length
      }
      run(model)
      t.strictSame(shape(model), shape(whole), `stopped after ${stop} actions`)
    }
  },
)

void t.test('one action a cycle comes to a whole cluster too', async t => {
  const model = new Model(6)
  run(model, 1)
  assertFormed(t, model, 3)
})

void t.test('nothing is created while one peer has not answered', async t => {
  for (const what of ['up', 'agentUp'] as const) {
    const model = new Model(6)
    model.server(4)[what] = false
    const plan = planCluster(model.view(), model.wish)
    t.equal(plan.phase, 'waiting')
    t.strictSame(plan.actions, [])
    t.match(plan.because, 'redis-cluster-4')
  }
})

void t.test('nothing is created while DNS fails', async t => {
  const model = new Model(6)
  model.dnsFailure = '10.0.0.10:53 answered SERVFAIL'
  const plan = planCluster(model.view(), model.wish)
  t.equal(plan.phase, 'waiting')
  t.match(plan.because, 'SERVFAIL')
})

void t.test('nothing is created over keys, nor over nodes that are not here', async t => {
  const withKeys = new Model(6)
  withKeys.server(3).keys = 7
  t.match(planCluster(withKeys.view(), withKeys.wish), { phase: 'waiting', actions: [] })
  t.match(planCluster(withKeys.view(), withKeys.wish).because, 'redis-cluster-3 has 7 keys')
  const withStranger = new Model(6)
  withStranger.server(2).ghosts.push({
    id: new Model(1).server(0).id.replace(/1$/, 'f') as never,
    hostname: 'other-0.other.default.svc.cluster.local',
    slots: [[0, 100]],
    linked: true,
  })
  t.match(planCluster(withStranger.view(), withStranger.wish), { phase: 'waiting', actions: [] })
})

void t.test(
  'a wiped pod joins as a replica, whichever it is, and its old id is forgotten',
  async t => {
    for (const ordinal of [0, 1, 2, 3, 4, 5]) {
      const model = new Model(6)
      run(model)
      const old = model.server(ordinal)
      if (old.slots.length > 0) {
        const replica = model.servers.find(server => server.masterId === old.id)
        model.apply({ type: 'failover', mode: 'force', pod: replica?.ordinal ?? -1 })
      }
      model.wipe(ordinal)
      const plans = run(model)
      t.notOk(
        plans.some(plan => plan.actions.some(({ type }) => type === 'add-slots')),
        'nothing is created',
      )
      t.ok(model.servers.every(server => server.ghosts.length === 0))
      t.type(model.server(ordinal).masterId, 'string')
      t.equal(planCluster(model.view(), model.wish).phase, 'ok')
    }
  },
)

void t.test('an old id that failed is forgotten though its link is being dialled', async t => {
  const model = new Model(6)
  run(model)
  model.wipe(5)
  for (const server of model.servers)
    server.ghosts = server.ghosts.map(ghost => ({ ...ghost, linked: true }))
  run(model)
  t.ok(model.servers.every(server => server.ghosts.length === 0))
})

void t.test('an id that owns slots is never forgotten', async t => {
  const model = new Model(6)
  run(model)
  model.wipe(0)
  for (let cycle = 0; cycle < 5; cycle++) {
    const plan = planCluster(model.view(), model.wish)
    t.notOk(plan.actions.some(({ type }) => type === 'forget'))
    for (const action of plan.actions) model.apply(action)
  }
})

void t.test('settings that so few pods cannot be block the creation, with the reason', async t => {
  const two = new Model(2)
  t.match(planCluster(two.view(), two.wish), { phase: 'blocked', actions: [] })
  const seven = new Model(6, { masters: 7 })
  t.match(planCluster(seven.view(), seven.wish).because, '7 masters')
  const few = new Model(6, { masters: 2 })
  t.match(planCluster(few.view(), few.wish).because, 'at least 3')
})

void t.test('a paused cluster is left alone', async t => {
  const model = new Model(6, { paused: true })
  t.match(planCluster(model.view(), model.wish), { phase: 'paused', actions: [] })
})

void t.test('thirty and a hundred pods form too', async t => {
  for (const pods of [30, 100]) {
    const model = new Model(pods)
    run(model)
    assertFormed(t, model, pods / 2)
  }
})
