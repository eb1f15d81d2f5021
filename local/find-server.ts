import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const names = ['redis-server', 'valkey-server']
/** Where the tests keep the servers that they run on. */
const ofTests = fileURLToPath(new URL('../.servers/bin', import.meta.url))
const folders = (): string[] => [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/local/bin',
  '/usr/bin',
]

/**
 * The server to run: the one that is named, else the first on PATH.
 * @throws with what to install if there is none.
 */
export function findServer(named: string | undefined): string {
  if (named !== undefined) {
    const path = resolve(named)
    if (existsSync(path)) return path
    throw new Error(`--server ${named}: there is no such file`)
  }
  const candidates = [
    ...folders().flatMap(folder => names.map(name => join(folder, name))),
    ...['valkey9', 'redis-next', 'redis8', 'valkey8', 'redis7'].map(name =>
      join(ofTests, `${name}-server`),
    ),
  ]
  const found = candidates.find(path => existsSync(path))
  if (found === undefined)
    throw new Error('no Redis or Valkey server is on PATH: apt-get install redis-server')
  return found
}

/** The command-line client that belongs to the server, as a person can call it. */
export function clientOf(server: string): string {
  const client = server.replace(/-server$/, '-cli')
  return existsSync(client) && folders().some(folder => client.startsWith(`${folder}/`))
    ? client.slice(client.lastIndexOf('/') + 1)
    : existsSync(client)
      ? client
      : 'redis-cli'
}
