import { myself, parseNodes } from '../cluster/nodes.ts'
import { subtract } from '../cluster/slots.ts'
import type { PodView } from '../cluster/view.ts'
import { messageOf } from '../errors.ts'
import type { Action, Outcome } from '../plan/action.ts'
import type { Command, Pool, Reply } from '../redis/pool.ts'
import { refusalOf } from '../redis/replies.ts'

/** Where the pods are; a ClusterView, or the one pod of a PodRulesView. */
export type Addresses = { readonly pods: readonly Pick<PodView, 'pod' | 'address'>[] }

export type Executor = {
  /**
   * Runs the actions of one pod in order in one pipeline, and those of different pods side by
   * side. Never throws: what failed is in the outcomes, which stand in the order of the actions.
   * Nothing is begun once the signal is aborted.
   */
  execute(
    actions: readonly Action[],
    view: Addresses,
    signal: AbortSignal,
  ): Promise<readonly Outcome[]>
}

/** Turns actions into commands. All of them may be repeated after any interruption. */
export function createExecutor(deps: { readonly connections: Pick<Pool, 'run'> }): Executor {
  async function onePod(
    address: string | null,
    actions: readonly Action[],
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> {
    const all = (because: string) =>
      actions.map(action => ({ action, ok: false, because }) as const)
    if (signal.aborted) return all(`not begun: ${messageOf(signal.reason)}`)
    if (address === null) return all('the pod has no address')
    try {
      const commands = actions.map(commandsFor)
      const replies = [...(await deps.connections.run(address, commands.flat(), signal))]
      const shares = commands.map(own => replies.splice(0, own.length))
      return await Promise.all(
        actions.map((action, i) => judge(address, action, shares[i] ?? [], signal)),
      )
    } catch (error) {
      return all(messageOf(error))
    }
  }

  async function judge(
    address: string,
    action: Action,
    replies: readonly Reply[],
    signal: AbortSignal,
  ): Promise<Outcome> {
    const refusals = replies.flatMap(reply => ('refusal' in reply ? [reply.refusal] : []))
    const refusal = refusals.find(text => isDone(action, text) !== true) ?? refusals[0]
    if (replies.length > 0 && refusal === undefined) return { action, ok: true }
    const done = isDone(action, refusal ?? 'nothing')
    if (done === true) return { action, ok: true }
    const question = done === 'ask' ? await deps.connections.run(address, [nodes], signal) : []
    if (ownsThem(action, question[0])) return { action, ok: true }
    return { action, ok: false, because: `the server replied "${refusal ?? 'nothing'}"` }
  }

  return {
    async execute(actions, view, signal) {
      const outcomes = new Map<Action, Outcome>()
      const ordinals = [...new Set(actions.map(action => action.pod))]
      await Promise.all(
        ordinals.map(async ordinal => {
          const ofPod = actions.filter(action => action.pod === ordinal)
          const found = view.pods.find(({ pod }) => pod.ordinal === ordinal)
          for (const outcome of await onePod(found?.address ?? null, ofPod, signal))
            outcomes.set(outcome.action, outcome)
        }),
      )
      return actions.flatMap(action => outcomes.get(action) ?? [])
    },
  }
}

const nodes: Command = ['CLUSTER', 'NODES']

/** The commands that do the action. A kind of action without any does not compile. */
export function commandsFor(action: Action): Command[] {
  // The epoch first: a claim that was sent with the old one would be taken back by the others.
  if (action.type === 'take-slots')
    return [
      ['CLUSTER', 'BUMPEPOCH'],
      ...action.ranges.map(([first, last]): Command => [
        'CLUSTER',
        'DELSLOTSRANGE',
        `${first}`,
        `${last}`,
      ]),
      ['CLUSTER', 'ADDSLOTSRANGE', ...action.ranges.flat().map(String)],
    ]
  return [commandFor(action)]
}

function commandFor(action: Exclude<Action, { readonly type: 'take-slots' }>): Command {
  switch (action.type) {
    case 'set-config':
      return ['CONFIG', 'SET', ...Object.entries(action.settings).flat()]
    case 'set-config-epoch':
      return ['CLUSTER', 'SET-CONFIG-EPOCH', `${action.epoch}`]
    case 'add-slots':
      return ['CLUSTER', 'ADDSLOTSRANGE', ...action.ranges.flat().map(String)]
    case 'meet':
      return ['CLUSTER', 'MEET', action.address, `${action.port}`]
    case 'replicate':
      return ['CLUSTER', 'REPLICATE', action.masterId]
    case 'forget':
      return ['CLUSTER', 'FORGET', action.nodeId]
    case 'failover':
      return action.mode === 'agreed'
        ? ['CLUSTER', 'FAILOVER']
        : ['CLUSTER', 'FAILOVER', action.mode.toUpperCase()]
  }
}

/**
 * Whether the refusal says that the effect is there already, or only the server's own view tells.
 * The replies are quoted with their sources in redis/replies.ts.
 */
function isDone(action: Action, refusal: string): boolean | 'ask' {
  const meaning = refusalOf(refusal)
  switch (action.type) {
    case 'set-config-epoch':
      // "ERR Node config epoch is already non-zero"; and once it has met others, which comes after
      // this step, "ERR The user can assign a config epoch only when the node does not know any
      // other node.": then gossip settles the epochs.
      return meaning === 'epoch set' || meaning === 'knows others'
    case 'add-slots':
      // "ERR Slot 0 is already busy": done if all are this node's own, else another one has some.
      return meaning === 'slot busy' ? 'ask' : false
    case 'take-slots':
      // "ERR Slot 0 is already unassigned": nobody owns them in this server's table any more.
      return meaning === 'slot unassigned'
    case 'forget':
      // "ERR Unknown node 0123...": forgotten before, or by the gossip of 7.2 and newer.
      return meaning === 'unknown node'
    case 'failover':
      // "ERR You should send CLUSTER FAILOVER to a replica": it has taken over.
      return meaning === 'is a master'
    case 'replicate':
    case 'meet':
    case 'set-config':
      // Repeated they get OK: a replica is told its master anew, a known node is met anew.
      return false
  }
}

/** Whether this CLUSTER NODES shows all slots of the action at the server that was asked. */
function ownsThem(action: Action, reply: Reply | undefined): boolean {
  if (action.type !== 'add-slots' || !reply || !('value' in reply)) return false
  const own = myself(parseNodes(String(reply.value)))
  return own !== undefined && subtract(action.ranges, own.slots).length === 0
}
