import { chmod, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { AgentError, messageOf } from '../errors.ts'
import { createRoutes, type RouteDeps } from './routes.ts'
import { socketPath } from './socket-path.ts'

/** What the listeners need: where to listen, and what the routes show. */
export type HttpDeps = Omit<RouteDeps, 'ports'> & {
  readonly config: Pick<Config, 'podIp' | 'httpPort' | 'redisPort' | 'runDir'>
}

/** The agent's two listeners: HTTP_PORT on the pod's address, and a Unix socket for people. */
export type Http = { listen(): Promise<void>; close(): Promise<void> }

/**
 * Two listeners and not one with two addresses: what may change something must not be one forgotten
 * check away from the network.
 */
export function createHttp(deps: HttpDeps): Http {
  const { podIp, httpPort, redisPort, runDir } = deps.config
  const routeDeps = { ...deps, ports: { port: redisPort, httpPort } }
  const network = createRoutes(routeDeps, 'network')
  const local = createRoutes(routeDeps, 'local')
  const socket = socketPath(runDir)

  /**
   * The socket is made under another name, closed to others, then renamed over what the agent before
   * left: at no moment is there one that others may use, nor one that nobody answers.
   */
  async function listenLocally(): Promise<void> {
    const fresh = join(runDir, '.sock')
    await rm(fresh, { force: true })
    await local.listen({ path: fresh })
    await chmod(fresh, 0o600)
    await rename(fresh, socket)
  }

  return {
    async listen() {
      await network.listen({ host: podIp, port: httpPort }).catch((cause: unknown) => {
        const message = `cannot listen on ${podIp} port ${httpPort}: ${messageOf(cause)}`
        throw new AgentError('SOCKET', message, { cause })
      })
      await listenLocally().catch((cause: unknown) => {
        throw new AgentError('SOCKET', `cannot listen on ${socket}: ${messageOf(cause)}`, { cause })
      })
    },
    async close() {
      await Promise.all([network.close(), local.close()])
      await rm(socket, { force: true })
    },
  }
}
