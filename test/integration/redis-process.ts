import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { PoolOptions } from '../../agent/redis/pool.ts'
import { createConnections } from '../../agent/redis/connections.ts'
import type { Connections } from '../../agent/redis/connections.ts'
import { serverPath } from '../helper/servers.ts'
import type { ServerName } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

/** All tests have a loopback network of their own, so that the port is the usual one. */
export const port = 6379

/** Addresses of one loopback network on which nobody listens at the port. */
export async function freeAddresses(count: number): Promise<string[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const net = `127.${100 + Math.floor(Math.random() * 100)}.${Math.floor(Math.random() * 256)}`
    const addresses = Array.from({ length: count }, (_, i) => `${net}.${i + 1}`)
    if (await areFree(addresses)) return addresses
  }
  throw new Error('no free loopback addresses')
}

async function areFree(addresses: readonly string[]): Promise<boolean> {
  for (const address of addresses) {
    const probe = createServer().listen(port, address)
    try {
      await once(probe, 'listening')
    } catch {
      return false
    }
    await new Promise(resolve => probe.close(resolve))
  }
  return true
}

/** A server that answers and ends with the test; cluster mode unless the directives say otherwise. */
export async function startServer(
  t: Test,
  name: ServerName,
  address: string,
  directives: readonly string[] = ['--cluster-enabled', 'yes'],
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  // Announced as in a pod: on loopback the peers would take 127.0.0.1 for it, the source of all.
  const where = ['--bind', address, '--port', `${port}`, '--cluster-announce-ip', address]
  const all = [...where, '--dir', dir, '--save', '', ...directives]
  const server = spawn(serverPath(name), all, { stdio: 'ignore' })
  t.teardown(async () => {
    const gone = once(server, 'exit')
    if (server.exitCode === null && server.kill('SIGKILL')) await gone
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  const connections = connect(t)
  await until(async () => (await connections.readServer(address)).state !== 'silent', {
    what: `${name} at ${address} answers`,
  })
}

/** Connections of the agent's kind that end with the test. */
export function connect(t: Test, options: Partial<PoolOptions> = {}): Connections {
  const connections = createConnections({
    port,
    credentials: async () => ({}),
    connectTimeoutMs: 20_000,
    commandTimeoutMs: 20_000,
    ...options,
  })
  t.teardown(() => connections.close())
  return connections
}

/** A TCP server that is no Redis. */
export async function startStranger(
  t: Test,
  address: string,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const sockets = new Set<Socket>()
  const stranger = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  stranger.listen(port, address)
  await once(stranger, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => stranger.close(resolve))
  })
  return stranger
}
