import { Redis } from 'ioredis'
import { AgentError, messageOf } from '../errors.ts'
import { refusalOf } from './replies.ts'

export type Command = readonly [name: string, ...args: string[]]

/** What a server said to one command: a value, or the text of its error reply. */
export type Reply = { readonly value: unknown } | { readonly refusal: string }

export type Credentials = { readonly username?: string; readonly password?: string }

export type PoolOptions = {
  readonly port: number
  /** Read from files when first needed, and again when a login is refused: they rotate. */
  readonly credentials: () => Promise<Credentials>
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** How long a connection may go unused before it is closed; default 30 s. */
  readonly idleMs?: number
}

export type Pool = {
  readonly port: number
  /**
   * Sends the commands in one write and waits for all replies, in order. A refused login is the
   * reply to every command.
   * @throws AgentError REDIS where no server answers; its cause is what the connection met.
   */
  run(
    address: string,
    commands: readonly Command[],
    signal?: AbortSignal,
  ): Promise<readonly Reply[]>
  close(): void
}

type Connection = {
  readonly client: Redis
  readonly ready: Promise<void>
  /** The last `error` event: ioredis tells ECONNREFUSED and a refused login nowhere else. */
  cause: unknown
  lastUsedMs: number
}

const isReply = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError'

/** One connection to each address, made when needed, never remade by itself, closed when unused. */
export function createPool(options: PoolOptions): Pool {
  const { idleMs = 30_000 } = options
  const connections = new Map<string, Connection>()
  let credentials: Credentials | null = null
  const sweeper = setInterval(closeIdle, idleMs / 3).unref()

  function drop(address: string, connection: Connection): void {
    if (connections.get(address) === connection) connections.delete(address)
    connection.client.disconnect()
  }

  function closeIdle(): void {
    const before = performance.now() - idleMs
    for (const [address, connection] of connections)
      if (connection.lastUsedMs < before) drop(address, connection)
  }

  async function connectionTo(address: string): Promise<Connection> {
    credentials ??= await options.credentials()
    // Looked up after the only wait above, so that two callers never make two connections.
    const existing = connections.get(address)
    if (existing && existing.client.status !== 'end') return existing
    const client = new Redis(clientOptions(options, address, credentials))
    const connection: Connection = {
      client,
      ready: new Promise((resolve, reject) => {
        // connect() rejects with "Connection is closed." alone: the reason is in `cause`.
        client.on('error', error => (connection.cause ??= error))
        client.on('end', () => reject(new Error('Connection is closed.')))
        client.connect().then(resolve, reject)
      }),
      cause: undefined,
      lastUsedMs: performance.now(),
    }
    connections.set(address, connection)
    return connection
  }

  async function attempt(address: string, commands: readonly Command[]): Promise<readonly Reply[]> {
    const connection = await connectionTo(address)
    connection.lastUsedMs = performance.now()
    try {
      await connection.ready
      return await pipeline(connection.client, commands)
    } catch (error) {
      // Late replies of a server that was too slow would only pile up: begin anew next time.
      drop(address, connection)
      const cause = isReply(error) ? error : (connection.cause ?? error)
      if (isReply(cause)) return commands.map(() => ({ refusal: cause.message }))
      throw noAnswer(address, options.port, cause)
    }
  }

  async function run(
    address: string,
    commands: readonly Command[],
    signal?: AbortSignal,
  ): Promise<readonly Reply[]> {
    return untilAborted(signal, async () => {
      const replies = await attempt(address, commands)
      const first = replies[0]
      if (!first || !('refusal' in first) || refusalOf(first.refusal) !== 'login') return replies
      const connection = connections.get(address)
      if (connection) drop(address, connection)
      const old = credentials
      credentials = await options.credentials()
      const same = old?.username === credentials.username && old?.password === credentials.password
      return same ? replies : attempt(address, commands)
    })
  }

  return {
    port: options.port,
    run,
    close() {
      clearInterval(sweeper)
      for (const [address, connection] of connections) drop(address, connection)
    },
  }
}

function clientOptions(options: PoolOptions, host: string, login: Credentials) {
  return {
    host,
    port: options.port,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    connectTimeout: options.connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs,
    disconnectTimeout: 100,
    // Without HELLO a server that needs no login is asked in one round trip, connecting included.
    protocol: 2 as const,
    // Always with a name: AUTH with a password alone is an error where `default` has none.
    ...(login.password === undefined
      ? {}
      : { username: login.username ?? 'default', password: login.password }),
  }
}

/** The replies in order; throws the first failure that is not a reply, or the reply that explains it. */
async function pipeline(client: Redis, commands: readonly Command[]): Promise<readonly Reply[]> {
  if (client.status !== 'ready') throw new Error('Connection is closed.')
  const batch = client.pipeline()
  for (const [name, ...args] of commands) batch.call(name, ...args)
  const results = (await batch.exec()) ?? []
  const failure = results.find(([error]) => error && !isReply(error))?.[0]
  // A server that is full or protected says so once and closes the connection.
  if (failure) throw results.find(([error]) => isReply(error))?.[0] ?? failure
  return results.map(([error, value]) => (error ? { refusal: error.message } : { value }))
}

function noAnswer(address: string, port: number, cause: unknown): AgentError {
  const text = messageOf(cause)
  const says = /Unknown RESP type/.test(text)
    ? 'answers, and not as a Redis server does'
    : `does not answer: ${text.replace(/\.$/, '')}`
  return new AgentError('REDIS', `${address} port ${port} ${says}`, { cause })
}

/** The result of the work, or the reason of the signal as soon as it is aborted. */
async function untilAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!signal) return work()
  signal.throwIfAborted()
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work(), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
