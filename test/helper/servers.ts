import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Redis 7.0 (the oldest that is supported), 8.0 and the newest; Valkey 8 and 9. */
export const serverNames = ['redis7', 'redis8', 'redis-next', 'valkey8', 'valkey9'] as const
export type ServerName = (typeof serverNames)[number]

/** What `npm run test:all` runs every scenario on. */
const whole: readonly ServerName[] = ['redis7', 'redis-next', 'valkey9']

const folder = (): string =>
  process.env['SERVERS_DIR'] ?? fileURLToPath(new URL('../../.servers', import.meta.url))

/** Path of `redis7-server`; whether or not there is one. */
export const serverPath = (name: ServerName): string => join(folder(), 'bin', `${name}-server`)

/** Path of `redis7-cli`; whether or not there is one. */
export const clientPath = (name: ServerName): string => join(folder(), 'bin', `${name}-cli`)

/** Whether test/helper/get-servers.sh could get that server. */
export const hasServer = (name: ServerName): boolean => existsSync(serverPath(name))

/** Whether everything is to be run on every server. */
export const testsAll = (): boolean => process.env['TEST_ALL'] === '1'

/** A number that is the same for the same text on every machine. */
const numberOf = (text: string): number =>
  Array.from(text).reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7)

/**
 * The servers that a test runs on: all three with TEST_ALL=1, else one, which depends on nothing but
 * the test file's name and `turn`, so that a run repeats and the files together use them all.
 */
export function serversFor(file: string, turn = 0): readonly ServerName[] {
  if (testsAll()) return whole
  const name = file.slice(file.lastIndexOf('/') + 1)
  const there = whole.filter(hasServer)
  const from = there.length > 0 ? there : whole
  const chosen = from[(numberOf(name) + turn) % from.length]
  return chosen === undefined ? [] : [chosen]
}

/** Why a test cannot run on the server, for `t.test(name, { skip })`; false if it can. */
export const skipWithout = (name: ServerName): string | false =>
  hasServer(name) ? false : `${name} is not there: sh test/helper/get-servers.sh`
