import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { REDIS_PORT } from './pod.ts'
import type { Environment } from './process.ts'

/** A connection to the server at the address that neither retries nor waits for ever. */
export function connectionTo(address: string, env: Environment): Redis {
  const secret = (name: string): string | undefined => {
    const file = env[name]
    return file ? readFileSync(file, 'utf8').trim() : undefined
  }
  const username = secret('REDIS_USER_FILE')
  const password = secret('REDIS_PASSWORD_FILE')
  const redis = new Redis({
    host: address,
    port: Number(env['REDIS_PORT'] ?? REDIS_PORT),
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: 2000,
    commandTimeout: 5000,
    protocol: 2,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  })
  redis.on('error', () => undefined)
  return redis
}

/** Connects, asks, and closes. */
export async function withServer<T>(
  address: string,
  env: Environment,
  ask: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = connectionTo(address, env)
  try {
    await redis.connect()
    return await ask(redis)
  } finally {
    redis.disconnect()
  }
}
