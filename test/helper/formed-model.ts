import { planCluster } from '../../agent/plan/plan.ts'
import { Model } from './model.ts'

/** A model whose cluster has formed by the planner's own plans. */
export function formed(pods: number): Model {
  const model = new Model(pods)
  for (let cycle = 0; cycle < 20; cycle++) {
    const plan = planCluster(model.view(), model.wish)
    if (plan.actions.length === 0) return model
    for (const action of plan.actions) model.apply(action)
  }
  throw new Error('the model does not form')
}
