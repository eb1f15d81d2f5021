import { describeSlots } from '../cluster/slots.ts'
import { askAgent } from '../server/ask-agent.ts'
import type { PodSummary } from '../server/pods.ts'
import type { Status } from '../server/status.ts'

const heads = ['POD', 'ADDRESS', 'ROLE', 'SHARD', 'SLOTS', 'READY']

function cells(pod: PodSummary): string[] {
  const dash = (text: string | number | null): string =>
    text === null || text === '' ? '-' : String(text)
  return [
    pod.name,
    dash(pod.ip),
    pod.role ?? (pod.state === 'answered' ? 'no member' : pod.state),
    dash(pod.shard),
    dash(describeSlots(pod.slots)),
    pod.ready === null ? '?' : pod.ready ? 'yes' : 'no',
  ]
}

/** Rows of text in columns as wide as their widest cell. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The status as a person reads it: the pods, then one line for what the cluster is busy with. */
export function renderStatus(status: Status): string {
  const { state, because, phaseMs, isCoordinator, coordinator, lostSlots, foreignNodes } = status
  const since = phaseMs === null ? '' : ` for ${Math.round(phaseMs / 1000)} s`
  const lines = [columns([heads, ...status.pods.map(cells)]), '', `${state}${since}: ${because}`]
  if (!isCoordinator && coordinator)
    lines.push(
      `as ${status.agent.pod} sees it; ${coordinator} coordinates and knows of every pod whether it is ready`,
    )
  if (lostSlots > 0) lines.push(`${lostSlots} slots are lost: every copy is gone`)
  if (foreignNodes > 0) lines.push(`${foreignNodes} nodes are none of our pods`)
  return lines.join('\n')
}

/** `agent status [--json]`: what the agent of this pod knows; resolves to the text to print. */
export async function status(runDir: string, asJson: boolean): Promise<string> {
  const text = await askAgent(runDir, 'GET', '/status')
  return asJson ? text : renderStatus(JSON.parse(text) as Status)
}
