import { shortId, type NodeId } from '../cluster/node-id.ts'
import { describeSlots, type SlotRange } from '../cluster/slots.ts'

/**
 * One thing to do on the server of one pod. The executor runs the actions of one pod in their order
 * and those of different pods side by side; the first that fails ends the cycle.
 */
export type Action = { readonly pod: number } & (
  | { readonly type: 'set-config'; readonly settings: Readonly<Record<string, string>> }
  | { readonly type: 'set-config-epoch'; readonly epoch: number }
  | { readonly type: 'add-slots'; readonly ranges: readonly SlotRange[] }
  | { readonly type: 'take-slots'; readonly ranges: readonly SlotRange[] }
  | { readonly type: 'meet'; readonly address: string; readonly port: number; readonly who: string }
  | { readonly type: 'replicate'; readonly masterId: NodeId; readonly who: string }
  | { readonly type: 'forget'; readonly nodeId: NodeId; readonly who: string }
  | { readonly type: 'failover'; readonly mode: 'agreed' | 'force' | 'takeover' }
)

/** What became of an action. One whose effect was there already is done too. */
export type Outcome =
  | { readonly action: Action; readonly ok: true }
  | { readonly action: Action; readonly ok: false; readonly because: string }

/** What the whole cluster is busy with; a gauge says for how long. */
export type Phase =
  'ok' | 'waiting' | 'blocked' | 'paused' | 'forming' | 'joining' | 'healing' | 'degraded'

/** What to do next, and why: `because` is one sentence with the facts that decided it. */
export type Plan = {
  readonly phase: Phase
  readonly because: string
  readonly actions: readonly Action[]
}

/** The action as a person reads it in a log. */
export function describe(action: Action): string {
  const on = `pod ${action.pod}`
  switch (action.type) {
    case 'set-config':
      return `${on}: CONFIG SET ${Object.entries(action.settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(' ')}`
    case 'set-config-epoch':
      return `${on}: CLUSTER SET-CONFIG-EPOCH ${action.epoch}`
    case 'add-slots':
      return `${on}: CLUSTER ADDSLOTSRANGE ${describeSlots(action.ranges)}`
    case 'take-slots':
      return `${on}: takes slots ${describeSlots(action.ranges)} without their data`
    case 'meet':
      return `${on}: CLUSTER MEET ${action.address} ${action.port} (${action.who})`
    case 'replicate':
      return `${on}: CLUSTER REPLICATE ${shortId(action.masterId)} (${action.who})`
    case 'forget':
      return `${on}: CLUSTER FORGET ${shortId(action.nodeId)} (${action.who})`
    case 'failover':
      return `${on}: CLUSTER FAILOVER${action.mode === 'agreed' ? '' : ` ${action.mode.toUpperCase()}`}`
  }
}
