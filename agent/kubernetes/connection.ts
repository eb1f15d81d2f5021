import type {
  AppsV1Api,
  Configuration,
  ConfigurationOptions,
  CoordinationV1Api,
  CoreV1Api,
} from '@kubernetes/client-node'
import { isIPv6 } from 'node:net'
import type { ApiCall } from './api-error.ts'
import type { CredentialSource } from './credentials.ts'
import type * as ClientNode from './library.ts'

/** Name under which the API shows who changed a field or told an event. */
export const agentName = 'redis-cluster-agent'

export type Library = typeof ClientNode

/** client-node, and its three APIs that the agent uses. */
export type Connection = {
  readonly apps: AppsV1Api
  readonly core: CoreV1Api
  readonly coordination: CoordinationV1Api
  readonly library: Library
}

/** Loads client-node, the only place that does, and points it at the API; asks nothing yet. */
export async function connect(
  host: string,
  port: string,
  credentials: CredentialSource,
): Promise<Connection> {
  const library = await import('./library.ts')
  const configuration = configure(library, host, port, credentials)
  return {
    library,
    apps: new library.AppsV1Api(configuration),
    core: new library.CoreV1Api(configuration),
    coordination: new library.CoordinationV1Api(configuration),
  }
}

/** The address of the API, and the service account put on every request. */
function configure(
  library: Library,
  host: string,
  port: string,
  credentials: CredentialSource,
): Configuration {
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return library.createConfiguration({
    baseServer: new library.ServerConfiguration(server, {}),
    authMethods: {
      default: {
        getName: () => 'service account',
        applySecurityAuthentication: async request => {
          const { token, agent } = await credentials.read()
          request.setHeaderParam('Authorization', `Bearer ${token}`)
          request.setAgent(agent)
        },
      },
    },
  })
}

/** The call's own signal; and for a patch its type, which client-node would guess wrongly. */
export function perCall(
  library: Library,
  what: ApiCall,
  signal: AbortSignal,
): ConfigurationOptions {
  const signalled: ConfigurationOptions = {
    middleware: [
      {
        pre: request => {
          request.setSignal(signal)
          request.setHeaderParam('User-Agent', agentName)
          return new library.Observable(Promise.resolve(request))
        },
        post: response => new library.Observable(Promise.resolve(response)),
      },
    ],
    middlewareMergeStrategy: 'append',
  }
  if (what.verb !== 'patch') return signalled
  return library.setHeaderOptions('Content-Type', library.PatchStrategy.MergePatch, signalled)
}
