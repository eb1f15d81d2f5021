import { countSlots } from '../../agent/cluster/slots.ts'
import type { Wish } from '../../agent/cluster/view.ts'
import { breaches } from '../../agent/plan/invariants.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import type { Action, Plan } from '../../agent/plan/action.ts'
import { Model, type ModelServer } from './model.ts'

/** Plans and applies until nothing is left to do; the plans that had actions, and the last one. */
export function settle(model: Model): { readonly plans: readonly Plan[]; readonly last: Plan } {
  const plans: Plan[] = []
  for (let cycle = 0; cycle < 100; cycle++) {
    const view = model.view()
    const plan = planCluster(view, model.wish)
    const broken = breaches(plan, view, model.wish)
    if (broken.length > 0) throw new Error(broken.join('; '))
    if (plan.actions.length === 0) return { plans, last: plan }
    plans.push(plan)
    for (const action of plan.actions) model.apply(action)
  }
  throw new Error(`never done: ${JSON.stringify(plans.at(-1))}`)
}

/** A cluster that stands, with keys in every shard. */
export function standing(pods = 6, wish: Partial<Wish> = {}): Model {
  const model = new Model(pods, wish)
  settle(model)
  for (const server of model.servers) {
    server.keys = 10
    server.offset = 100
  }
  return model
}

export const mastersOf = (model: Model): ModelServer[] =>
  model.servers.filter(server => server.slots.length > 0)

export const replicasOf = (model: Model, master: ModelServer): ModelServer[] =>
  model.servers.filter(server => server.masterId === master.id)

/** Nothing of the pod answers. */
export function silence(...servers: readonly ModelServer[]): void {
  for (const server of servers) {
    server.up = false
    server.agentUp = false
  }
}

/** The API says that the pods are no more, for longer than the wish asks. */
export function bury(model: Model, ...servers: readonly ModelServer[]): void {
  silence(...servers)
  for (const { id } of servers) model.absent.set(id, model.nowMs)
  model.nowMs += model.wish.goneAfterMs
}

export const actionsOf = (plans: readonly Plan[], type: Action['type']): Action[] =>
  plans.flatMap(plan => plan.actions).filter(action => action.type === type)

export const slotCount = (model: Model): number =>
  countSlots(model.servers.flatMap(server => server.slots))
