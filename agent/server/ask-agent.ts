import { request } from 'node:http'
import { AgentError } from '../errors.ts'
import { socketPath } from './socket-path.ts'

const noAgent = (path: string, error: NodeJS.ErrnoException): AgentError => {
  const why =
    error.code === 'ENOENT'
      ? 'there is no such socket'
      : error.code === 'ECONNREFUSED'
        ? 'nobody listens there'
        : error.message
  return new AgentError('SOCKET', `no agent runs here: ${path}: ${why}`, { cause: error })
}

/**
 * Asks the agent of this pod over its socket. A thin client: it shares the agent's memory limit.
 * @throws AgentError SOCKET where no agent answers, or with what it says where it refuses.
 */
export function askAgent(
  runDir: string,
  method: 'GET' | 'POST',
  path: string,
  timeoutMs = 30_000,
): Promise<string> {
  const socket = socketPath(runDir)
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const fail = (error: NodeJS.ErrnoException): void => reject(noAgent(socket, error))
    const asked = request({ socketPath: socket, method, path, signal }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', fail)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new AgentError('SOCKET', `the agent refuses: ${text.trimEnd()}`))
      })
    })
    asked.on('error', fail)
    asked.end()
  })
}
