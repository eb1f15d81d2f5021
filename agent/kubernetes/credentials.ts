import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { ApiError } from './api-error.ts'

/** What a request needs to reach the API as our service account. */
export type Credentials = { readonly token: string; readonly agent: Agent }

export type CredentialSource = {
  readonly read: () => Promise<Credentials>
  readonly close: () => void
}

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new ApiError('refused', 0, `the service account's ${path} cannot be read`, {
      cause: error,
    })
  }
}

/**
 * The mounted service account. Both files are read for every call: kubelet replaces the token about
 * every hour and the CA when it is rotated, and three small reads a second of a tmpfs cost nothing.
 * Connections are kept alive; a new CA means a new set of them, checked against it.
 */
export function createCredentials(directory: string): CredentialSource {
  let ca = ''
  let agent: Agent | null = null
  return {
    read: async () => {
      const [token, newCa] = await Promise.all([
        readText(join(directory, 'token')),
        readText(join(directory, 'ca.crt')),
      ])
      if (agent === null || newCa !== ca) {
        agent?.destroy()
        ca = newCa
        // One idle connection only: after one that went stale, the repeated call opens a new one.
        agent = new Agent({ ca, keepAlive: true, maxSockets: 4, maxFreeSockets: 1 })
      }
      return { token, agent }
    },
    close: () => agent?.destroy(),
  }
}
