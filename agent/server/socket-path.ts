import { join } from 'node:path'

/** Where the local commands find the agent of this pod. */
export const socketPath = (runDir: string): string => join(runDir, 'agent.sock')
