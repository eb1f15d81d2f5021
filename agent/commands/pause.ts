import { askAgent } from '../server/ask-agent.ts'

/** `agent pause` stops every plan, `agent resume` lets them go on; resolves to what the agent says. */
export async function pause(runDir: string, verb: 'pause' | 'resume'): Promise<string> {
  return (await askAgent(runDir, 'POST', `/${verb}`)).trimEnd()
}
