import { createHash } from 'node:crypto'
import { describeSlots, SLOT_COUNT } from '../cluster/slots.ts'
import type { PodSummary } from './pods.ts'
import type { Status } from './status.ts'

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #222 }
h1 { font-size: 1.3rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd }
svg { width: 100%; height: 1.6rem; background: #f6d5d0; display: block; margin: 1rem 0 }
.no { color: #a30 }
li { font-family: ui-monospace, monospace; font-size: .85rem }
`

/** No script, no picture, nothing from elsewhere: only the one style sheet of the page itself. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256')
  .update(style)
  .digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escape = (text: string): string => text.replace(/[&<>"']/g, char => entities[char] ?? '')

const yesNo = (ready: boolean | null): string =>
  ready === null ? '?' : ready ? 'yes' : '<span class="no">no</span>'

function row(pod: PodSummary): string {
  const cells = [
    escape(pod.name),
    escape(pod.ip),
    pod.role ?? (pod.state === 'answered' ? 'no member' : pod.state),
    pod.shard ?? '',
    escape(describeSlots(pod.slots)),
    yesNo(pod.ready),
  ]
  return `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`
}

/** All slots as one bar; what nobody owns shows the ground through. */
function bar(pods: readonly PodSummary[]): string {
  const masters = pods.filter(pod => pod.slots.length > 0)
  const rects = masters.flatMap((pod, i) =>
    pod.slots.map(([first, last]) => {
      const hue = Math.round((360 * i) / masters.length + 200) % 360
      return `<rect x="${first}" y="0" width="${last - first + 1}" height="1" fill="hsl(${hue} 55% 60%)"><title>${escape(pod.name)}: ${first}-${last}</title></rect>`
    }),
  )
  return `<svg viewBox="0 0 ${SLOT_COUNT} 1" preserveAspectRatio="none" role="img" aria-label="Slots and their masters">${rects.join('')}</svg>`
}

/** The status for people: one page that draws the cluster and asks again every five seconds. */
export function page(status: Status): string {
  const { agent, state, because, coordinator, plan, pods, lostSlots, foreignNodes } = status
  const notes = [
    agent.paused ? 'Plans are paused.' : '',
    lostSlots > 0 ? `${lostSlots} slots are lost: every copy is gone.` : '',
    foreignNodes > 0 ? `${foreignNodes} nodes in the table are none of our pods.` : '',
  ].filter(note => note !== '')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>${escape(agent.pod)}: ${state}</title>
<style>${style}</style>
<h1>${escape(agent.pod)}: the cluster is ${state}</h1>
<p>${escape(because)}</p>
${notes.map(note => `<p class="no">${note}</p>\n`).join('')}${bar(pods)}
<table>
<tr><th>pod<th>address<th>role<th>shard<th>slots<th>ready</tr>
${pods.map(row).join('\n')}
</table>
<p>Coordinator: ${escape(coordinator ?? 'none found yet')}. This pod: ${escape(status.pod.because)}; ready: ${yesNo(status.ready.ready)} (${escape(status.ready.because)}).</p>
${plan.length > 0 ? `<ul>${plan.map(action => `<li>${escape(action)}</li>`).join('')}</ul>` : ''}
</html>
`
}
