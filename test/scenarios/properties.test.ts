import t from 'tap'
import { countSlots, SLOT_COUNT, subtract } from '../../agent/cluster/slots.ts'
import { describe, type Action, type Plan } from '../../agent/plan/action.ts'
import { breaches } from '../../agent/plan/invariants.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import { createDice, generate, interrupted } from '../helper/generate.ts'
import { standing } from '../helper/loss.ts'
import type { Model } from '../helper/model.ts'
import { testsAll } from '../helper/servers.ts'

const SEEDS = testsAll() ? 2000 : 150
const CYCLES = 60

t.setTimeout(testsAll() ? 1_200_000 : 110_000)

/** What the model knows and no plan may go against. */
function assertTrue(model: Model, action: Action): void {
  const fail = (because: string): never => {
    throw new Error(`${describe(action)}: ${because}`)
  }
  const isBuried = (id: string): boolean => [...model.absent.keys()].some(other => other === id)
  const alive = model.servers.filter(({ id }) => !isBuried(id))
  const server = model.server(action.pod)
  if (!server.up) fail('that pod is down')
  if (JSON.stringify(action).includes('abc"')) fail('that is a stranger')
  if (action.type === 'failover' && server.keys > 0) {
    const owner = model.servers.find(({ id }) => id === server.masterId)
    if (owner && owner.up) fail('its master lives')
    if (owner && !isBuried(owner.id)) fail('its master is only silent')
  }
  if (action.type === 'take-slots') {
    const holders = alive.filter(
      other =>
        other !== server &&
        other.keys > 0 &&
        (subtract(action.ranges, other.slots).length < action.ranges.length ||
          (other.masterId !== null &&
            model.servers.some(
              owner =>
                owner.id === other.masterId &&
                subtract(owner.slots, action.ranges).length === 0 &&
                owner.slots.length > 0,
            ))),
    )
    if (holders.length > 0) fail(`pod ${holders[0]?.ordinal} has a copy`)
  }
}

/** One look, checked: the plan of the view, after it stood every test. */
function planned(model: Model): Plan {
  const view = model.view()
  const plan = planCluster(view, model.wish)
  const again = planCluster(structuredClone(view), structuredClone(model.wish))
  if (JSON.stringify(plan) !== JSON.stringify(again)) throw new Error('two plans for one view')
  const broken = breaches(plan, view, model.wish)
  if (broken.length > 0) throw new Error(broken.join('; '))
  for (const action of plan.actions) assertTrue(model, action)
  return plan
}

/** Goes on until nothing is left to do; a cycle may be cut as `cut` says. */
function finish(model: Model, cut: (actions: readonly Action[]) => readonly Action[]): Plan {
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const plan = planned(model)
    if (plan.actions.length === 0) return plan
    const owned = countSlots(model.servers.flatMap(({ slots }) => slots))
    for (const action of cut(plan.actions)) model.apply(action)
    model.elect()
    if (countSlots(model.servers.flatMap(({ slots }) => slots)) < owned)
      throw new Error('a slot has lost its owner')
  }
  throw new Error(`not done after ${CYCLES} cycles: ${JSON.stringify(planned(model))}`)
}

/** What an end has to have in common with another one: who owns what, and how many copies there are. */
const ending = (model: Model, plan: Plan) => ({
  phase: plan.phase,
  owners: model.servers.map(({ slots }) => countSlots(slots)),
  copies: model.servers
    .filter(({ slots }) => slots.length > 0)
    .map(({ id }) => model.servers.filter(({ masterId }) => masterId === id).length),
})

void t.test(
  `${SEEDS} clusters in some state: every plan is sound, and an end is reached`,
  async t => {
    const phases = new Map<string, number>()
    const deeds = new Map<string, number>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { model, story } = generate(seed)
      try {
        const end = finish(model, actions => {
          for (const { type } of actions) deeds.set(type, (deeds.get(type) ?? 0) + 1)
          return actions
        })
        phases.set(end.phase, (phases.get(end.phase) ?? 0) + 1)
        const whole = JSON.stringify(ending(model, end))
        const dice = createDice(seed)
        const broken = generate(seed).model
        let breaks = 3
        const other = finish(broken, actions =>
          breaks-- > 0 ? interrupted(actions, dice) : actions,
        )
        const cut = JSON.stringify(ending(broken, other))
        if (cut !== whole) throw new Error(`interrupted it ends as ${cut}, else as ${whole}`)
      } catch (error) {
        t.fail(`${story.join(', ')}: ${(error as Error).message}`)
      }
    }
    t.comment(JSON.stringify(Object.fromEntries([...phases, ...deeds])))
    for (const phase of ['ok', 'degraded', 'waiting'])
      t.ok((phases.get(phase) ?? 0) > 0, `some end as ${phase}`)
    for (const type of ['failover', 'take-slots', 'replicate', 'forget', 'meet', 'add-slots'])
      t.ok((deeds.get(type) ?? 0) > 0, `some have a ${type}`)
  },
)

void t.test('a healthy cluster of any size is left alone', async t => {
  for (let pods = 3; pods <= 12; pods++)
    for (const replicasPerMaster of [0, 1, 2]) {
      if (pods < 3 * (1 + replicasPerMaster)) continue
      const model = standing(pods, { replicasPerMaster, acceptDataLoss: [[0, SLOT_COUNT - 1]] })
      t.match(
        planned(model),
        { phase: 'ok', actions: [] },
        `${pods} pods, ${replicasPerMaster} replicas`,
      )
    }
})
