import { askAgent } from '../server/ask-agent.ts'
import type { LocalPlan } from '../server/routes.ts'

/** The plan as a person reads it: for all pods where this agent coordinates, and for its own. */
export function renderPlan({ agent, coordinator, cluster, pod }: LocalPlan): string {
  const lines: string[] = []
  if (cluster) {
    lines.push(`cluster: ${cluster.phase}: ${cluster.because}`)
    for (const action of cluster.plan) lines.push(`  ${action}`)
    if (cluster.plan.length === 0) lines.push('  nothing to do')
  } else if (coordinator) lines.push(`cluster: ${coordinator} plans for all pods; ask there`)
  else lines.push('cluster: no coordinator was found yet')
  lines.push(`${agent}: ${pod.phase}: ${pod.because}`)
  return lines.join('\n')
}

/** `agent plan`: what would be done now, and why; changes nothing. */
export async function plan(runDir: string): Promise<string> {
  return renderPlan(JSON.parse(await askAgent(runDir, 'GET', '/plan')) as LocalPlan)
}
