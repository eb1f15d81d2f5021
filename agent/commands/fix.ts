import { askAgent } from '../server/ask-agent.ts'

/**
 * `agent fix [--accept-data-loss]`: what only a person may decide. Without the flag the agent says
 * what would be lost and changes nothing.
 */
export async function fix(runDir: string, acceptDataLoss: boolean): Promise<string> {
  const path = acceptDataLoss ? '/fix?accept-data-loss' : '/fix'
  return (await askAgent(runDir, 'POST', path)).trimEnd()
}
