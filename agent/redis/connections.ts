import type { NodeId } from '../cluster/node-id.ts'
import type { ServerView } from '../cluster/view.ts'
import { createPool } from './pool.ts'
import type { Pool, PoolOptions } from './pool.ts'
import { readServer, whoIs } from './read-server.ts'

/** The servers of the cluster by their addresses: all have the same port and the same login. */
export type Connections = Pool & {
  readServer(address: string, signal?: AbortSignal): Promise<ServerView>
  whoIs(address: string, signal?: AbortSignal): Promise<NodeId | null>
}

/** Connections to servers, made when needed; `close` ends all of them. */
export function createConnections(options: PoolOptions): Connections {
  const pool = createPool(options)
  return {
    ...pool,
    readServer: (address, signal) => readServer(pool, address, signal),
    whoIs: (address, signal) => whoIs(pool, address, signal),
  }
}
