import { describeSlots } from '../agent/cluster/slots.ts'
import type { ClusterStatus } from './status.ts'

/** The rows with their columns one below the other. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0))) ?? []
  return rows
    .map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The cluster as a table for people, with its state in one line below. */
export function describeStatus(status: ClusterStatus): string {
  const rows = status.pods.map(pod => [
    pod.name,
    pod.ip,
    pod.role ?? '-',
    pod.shard === null ? '-' : String(pod.shard),
    describeSlots(pod.slots) || '-',
    pod.ready ? 'yes' : 'no',
    pod.nodeId?.slice(0, 8) ?? '-',
  ])
  const table = columns([['POD', 'ADDRESS', 'ROLE', 'SHARD', 'SLOTS', 'READY', 'NODE'], ...rows])
  return `${table}\nstate ${status.state}, coordinator ${status.coordinator ?? 'none'}`
}
