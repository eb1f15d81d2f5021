import type { Action } from '../../agent/plan/action.ts'
import { planCluster } from '../../agent/plan/plan.ts'
import { bury, mastersOf, silence, standing } from './loss.ts'
import { Model, modelId, type ModelServer } from './model.ts'

/** Numbers that are the same for the same seed on every machine (mulberry32). */
export type Dice = {
  /** A whole number below the limit. */
  readonly below: (limit: number) => number
  readonly chance: (percent: number) => boolean
  readonly pick: <T>(of: readonly T[]) => T
}

export function createDice(seed: number): Dice {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    chance: percent => below(100) < percent,
    pick: of => {
      const found = of[below(of.length)]
      if (found === undefined) throw new Error('nothing to pick from')
      return found
    },
  }
}

/** A part of the actions as an interruption leaves it: of each pod the first ones, in their order. */
export function interrupted(actions: readonly Action[], dice: Dice): Action[] {
  const left = new Map<number, number>()
  for (const { pod } of actions) left.set(pod, (left.get(pod) ?? 0) + 1)
  for (const [pod, count] of left) left.set(pod, dice.below(count + 1))
  return actions.filter(({ pod }) => {
    const more = left.get(pod) ?? 0
    left.set(pod, more - 1)
    return more > 0
  })
}

type Mishap = (model: Model, victim: ModelServer, dice: Dice) => void

/** What may happen to a cluster, each told in the name of its entry. */
const mishaps: Readonly<Record<string, Mishap>> = {
  crash: (model, victim) => {
    silence(victim)
    model.elect()
  },
  silence: (_model, victim) => silence(victim),
  'agent is down': (_model, victim) => {
    victim.agentUp = false
  },
  gone: (model, victim) => bury(model, victim),
  'volume lost': (model, victim) => {
    model.wipe(victim.ordinal)
  },
  'volume lost, failed over': (model, victim) => {
    silence(victim)
    model.elect()
    model.wipe(victim.ordinal)
  },
  'volume lost, by proof': (model, victim) => {
    model.absent.set(victim.id, model.nowMs)
    model.nowMs += model.wish.goneAfterMs
    model.wipe(victim.ordinal)
  },
  'never synchronised': (_model, victim) => {
    if (victim.masterId === null) return
    victim.keys = 0
    victim.offset = 0
  },
  'has read less': (_model, victim, dice) => {
    if (victim.masterId !== null) victim.offset = 1 + dice.below(100)
  },
  'lowered timeout': (_model, victim) => {
    victim.nodeTimeoutMs = 2000
  },
  stranger: (model, victim) => {
    const hostname = 'redis-cluster-0.redis-cluster.other.svc.cluster.local'
    for (const server of model.servers)
      if (server.knows.size > 0 && server !== victim)
        server.ghosts.push({ id: modelId(0xabc), hostname, slots: [], linked: true })
  },
  'DNS fails': model => {
    model.dnsFailure = '10.0.0.10:53 answered SERVFAIL'
  },
}

/** A cluster whose formation ended somewhere. */
function halfFormed(pods: number, wish: Model['wish'], dice: Dice): Model {
  const model = new Model(pods, wish)
  for (let cycles = dice.below(4); cycles > 0; cycles--)
    for (const action of interrupted(planCluster(model.view(), model.wish).actions, dice))
      model.apply(action)
  return model
}

/** A cluster in some state, and what has happened to it. */
export function generate(seed: number): {
  readonly model: Model
  readonly story: readonly string[]
} {
  const dice = createDice(seed)
  const replicasPerMaster = dice.below(3)
  const pods = dice.pick([3, 3, 4]) * (1 + replicasPerMaster) + dice.below(2)
  const wish = { ...new Model(pods).wish, pods, replicasPerMaster }
  const isStanding = dice.chance(80)
  const model = isStanding ? standing(pods, wish) : halfFormed(pods, wish, dice)
  const story = [
    `seed ${seed}: ${pods} pods, ${replicasPerMaster} replicas, ${isStanding ? 'standing' : 'half formed'}`,
  ]
  for (let count = dice.below(5); count > 0; count--) {
    const what = dice.pick(Object.keys(mishaps))
    const victim = dice.pick(model.servers)
    mishaps[what]?.(model, victim, dice)
    story.push(`${what} (${victim.ordinal})`)
  }
  if (dice.chance(40)) {
    const slots = dice.chance(50)
      ? [[0, 16383] as const]
      : dice.pick([...mastersOf(model), { slots: [] }]).slots
    model.wish = { ...model.wish, acceptDataLoss: slots }
    story.push(`${JSON.stringify(slots)} given up`)
  }
  return { model, story }
}
