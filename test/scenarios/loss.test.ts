import t from 'tap'
import { planCluster } from '../../agent/plan/plan.ts'
import { breaches } from '../../agent/plan/invariants.ts'
import type { Plan } from '../../agent/plan/action.ts'
import { evenRanges } from '../../agent/cluster/slots.ts'
import {
  actionsOf,
  bury,
  mastersOf,
  replicasOf,
  settle,
  silence,
  slotCount,
  standing,
} from '../helper/loss.ts'
import type { Model, ModelServer } from '../helper/model.ts'

const masterAndCopy = (model: Model, index: number): [ModelServer, ModelServer] => {
  const master = mastersOf(model)[index]
  const [copy] = master ? replicasOf(model, master) : []
  if (!master || !copy) throw new Error(`no shard ${index} with a copy`)
  return [master, copy]
}

const planOf = (model: Model): Plan => planCluster(model.view(), model.wish)

void t.test('two of three masters gone by proof: one takeover, then the rest by vote', async t => {
  const model = standing()
  const [first, heir] = masterAndCopy(model, 0)
  const [second, next] = masterAndCopy(model, 1)
  bury(model, first, second)
  const plan = planOf(model)
  t.match(plan, {
    phase: 'healing',
    actions: [{ type: 'failover', mode: 'takeover', pod: heir.ordinal }],
  })
  const { plans } = settle(model)
  t.match(actionsOf(plans, 'failover'), [
    { mode: 'takeover', pod: heir.ordinal },
    { mode: 'force', pod: next.ordinal },
  ])
  t.equal(actionsOf(plans, 'failover').length, 2)
  t.equal(slotCount(model), 16384)
  t.strictSame(
    mastersOf(model).map(({ up }) => up),
    [true, true, true],
  )
})

void t.test(
  'the replica that has read most takes over, the lowest ordinal among equals',
  async t => {
    const model = standing(9, { replicasPerMaster: 2 })
    const [first, second] = mastersOf(model)
    if (!first || !second) throw new Error('no masters')
    const [low, high] = replicasOf(model, first)
    if (!low || !high) throw new Error('no replicas')
    bury(model, first, second)
    t.match(planOf(model).actions, [{ pod: low.ordinal }])
    high.offset = 101
    t.match(planOf(model).actions, [{ pod: high.ordinal }])
    // A restart from an append-only file loses the offset, not the keys.
    low.offset = 0
    high.keys = 0
    t.match(planOf(model).actions, [{ pod: low.ordinal }])
  },
)

void t.test('all masters gone by proof: every replica takes over, one after the other', async t => {
  const model = standing()
  bury(model, ...mastersOf(model))
  const { plans } = settle(model)
  t.match(plans[0]?.actions, [{ type: 'failover', mode: 'takeover' }])
  t.equal(actionsOf(plans, 'failover').length, 3)
  t.equal(slotCount(model), 16384)
  t.ok(mastersOf(model).every(({ up }) => up))
})

void t.test('silence is no proof: nobody is taken over, and it says what it waits for', async t => {
  const model = standing()
  const [first] = masterAndCopy(model, 0)
  const [second] = masterAndCopy(model, 1)
  silence(first, second)
  model.nowMs = 10 * model.wish.goneAfterMs
  t.match(planOf(model), { phase: 'degraded', actions: [] })
  t.match(planOf(model).because, '1 of 3 masters with slots answer, too few for a vote')

  // One of the two is proven gone; the other may be voting beyond a partition.
  bury(model, first)
  t.match(planOf(model), { phase: 'degraded', actions: [] })
})

void t.test('nobody is taken over before the time is up, nor while DNS fails', async t => {
  const model = standing()
  bury(model, masterAndCopy(model, 0)[0], masterAndCopy(model, 1)[0])
  model.nowMs -= 1
  t.strictSame(planOf(model).actions, [], 'a millisecond before')
  model.nowMs += 1
  t.equal(planOf(model).actions.length, 1)
  model.dnsFailure = '10.0.0.10:53 is silent'
  t.strictSame(planOf(model).actions, [])
})

void t.test('the invariants refuse what the proof does not allow', async t => {
  const model = standing()
  const [master, copy] = masterAndCopy(model, 0)
  const takeover: Plan = {
    phase: 'healing',
    because: 'a rule that is wrong',
    actions: [{ type: 'failover', mode: 'takeover', pod: copy.ordinal }],
  }
  const taking: Plan = {
    ...takeover,
    actions: [{ type: 'take-slots', pod: copy.ordinal, ranges: master.slots }],
  }
  t.equal(breaches(takeover, model.view(), model.wish).length, 1, 'its master answers')
  silence(master)
  t.equal(breaches(takeover, model.view(), model.wish).length, 1, 'a vote is possible')
  bury(model, master)
  t.equal(breaches(takeover, model.view(), model.wish).length, 1, 'still a vote is possible')
  silence(masterAndCopy(model, 1)[0])
  t.equal(breaches(takeover, model.view(), model.wish).length, 1, 'one is only silent')
  bury(model, masterAndCopy(model, 1)[0])
  t.strictSame(breaches(takeover, model.view(), model.wish), [])
  t.equal(breaches(takeover, model.view()).length, 1, 'without a wish there is no time to go by')
  t.equal(breaches(taking, model.view(), model.wish).length, 1, 'the shard has a copy')
})

/** Master and replica of a shard lose their volumes at once. */
function loseShard(): { model: Model; pods: [number, number]; slots: ModelServer['slots'] } {
  const model = standing()
  const [master, copy] = masterAndCopy(model, 1)
  const { slots } = master
  model.wipe(master.ordinal)
  model.wipe(copy.ordinal)
  return { model, pods: [master.ordinal, copy.ordinal], slots }
}

void t.test('a shard without any copy is reported, and its pods stay free for it', async t => {
  const { model, pods } = loseShard()
  const { plans, last } = settle(model)
  t.strictSame(actionsOf(plans, 'replicate'), [])
  t.strictSame(actionsOf(plans, 'add-slots'), [])
  t.match(last, { phase: 'degraded', actions: [] })
  t.match(last.because, `no copy is left of slots 5461-10921 of redis-cluster-${pods[0]}`)
  t.match(last.because, 'agent fix --accept-data-loss')
})

void t.test('what was given up by name gets an owner again, and only that', async t => {
  const { model, pods, slots } = loseShard()
  settle(model)
  model.wish = { ...model.wish, acceptDataLoss: [[0, 5460]] }
  t.strictSame(settle(model).plans, [], 'other slots were named')
  model.wish = { ...model.wish, acceptDataLoss: [[5461, 10_000]] }
  t.strictSame(settle(model).plans, [], 'only some of the slots were named')
  model.wish = { ...model.wish, acceptDataLoss: slots }
  const { plans, last } = settle(model)
  const [low, high] = pods.sort((a, b) => a - b)
  t.match(actionsOf(plans, 'take-slots'), [{ pod: low, ranges: slots }])
  t.equal(last.phase, 'ok')
  t.equal(slotCount(model), 16384)
  t.equal(model.server(high ?? -1).masterId, model.server(low ?? -1).id)
  t.ok(
    model.servers.every(({ ghosts }) => ghosts.length === 0),
    'the old ids are forgotten',
  )
})

void t.test('without an idle pod the master with the fewest slots takes them', async t => {
  const model = standing(3, { replicasPerMaster: 0 })
  const [first, second, third] = mastersOf(model)
  if (!first || !second || !third) throw new Error('no masters')
  bury(model, third)
  t.match(planOf(model).because, 'no copy is left of slots 10922-16383')
  model.wish = { ...model.wish, acceptDataLoss: third.slots }
  t.match(planOf(model).actions, [
    { type: 'take-slots', pod: first.ordinal, ranges: evenRanges(3).slice(2) },
  ])
})

void t.test('most shards may be lost at once and come back one by one', async t => {
  const model = standing()
  const doomed = [masterAndCopy(model, 0), masterAndCopy(model, 1)].flat()
  for (const { ordinal } of doomed) model.wipe(ordinal)
  t.match(settle(model).last, { phase: 'degraded' })
  model.wish = { ...model.wish, acceptDataLoss: [[0, 16383]] }
  const { plans, last } = settle(model)
  t.equal(actionsOf(plans, 'take-slots').length, 2)
  t.equal(last.phase, 'ok')
  t.equal(slotCount(model), 16384)
})

void t.test('nothing is called lost while somebody silent may have it', async t => {
  const model = standing()
  const [master, copy] = masterAndCopy(model, 1)
  model.wipe(master.ordinal)
  silence(copy)
  model.nowMs = 10 * model.wish.goneAfterMs
  model.wish = { ...model.wish, acceptDataLoss: [[0, 16383]] }
  const { plans, last } = settle(model)
  t.strictSame(actionsOf(plans, 'take-slots'), [])
  t.notMatch(last.because, 'no copy is left')
  bury(model, copy)
  t.equal(actionsOf(settle(model).plans, 'take-slots').length, 1)
})

void t.test('a replica that never got the data is no copy', async t => {
  const model = standing()
  const [first, copy] = masterAndCopy(model, 0)
  const [second] = masterAndCopy(model, 1)
  copy.keys = 0
  copy.offset = 0
  bury(model, first, second)
  const { plans } = settle(model)
  t.notOk(actionsOf(plans, 'failover').some(({ pod }) => pod === copy.ordinal))
  t.match(planOf(model).because, 'no copy is left of slots 0-5460')
  model.wish = { ...model.wish, acceptDataLoss: [[0, 5460]] }
  t.match(planOf(model).actions, [{ type: 'failover', mode: 'takeover', pod: copy.ordinal }])
  settle(model)
  t.equal(slotCount(model), 16384)
})
