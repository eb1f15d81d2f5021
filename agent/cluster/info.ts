import type { Replication } from './view.ts'

/** The `name:value` lines of INFO and of CLUSTER INFO; headings and empty lines are left out. */
export type Info = ReadonlyMap<string, string>

/** Reads the text of INFO or CLUSTER INFO. A value may hold colons. */
export function parseInfo(text: string): Info {
  const info = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) info.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return info
}

/** A number of INFO; 0 where the server does not say it. */
export function numberOf(info: Info, name: string): number {
  const value = Number(info.get(name))
  return Number.isFinite(value) ? value : 0
}

/** The fields of a line as `db0:keys=1,expires=0` or `slave0:ip=10.0.0.1,port=6379,state=online`. */
export function parseFields(value: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const field of value.split(',')) {
    const equals = field.indexOf('=')
    if (equals > 0) fields.set(field.slice(0, equals), field.slice(equals + 1))
  }
  return fields
}

/** Keys in all databases: INFO keyspace has a line for each database that holds any. */
export function countKeys(info: Info): number {
  let keys = 0
  for (const [name, value] of info)
    if (/^db\d+$/.test(name)) keys += Number(parseFields(value).get('keys') ?? 0)
  return keys
}

/**
 * Which server it is. Valkey gives `redis_version:7.2.4` too, for clients that look at nothing
 * else; `server_name:valkey` and `valkey_version` tell it from Redis.
 */
export function parseServerVersion(info: Info): { flavor: 'redis' | 'valkey'; version: string } {
  return info.get('server_name') === 'valkey'
    ? { flavor: 'valkey', version: info.get('valkey_version') ?? '' }
    : { flavor: 'redis', version: info.get('redis_version') ?? '' }
}

/** Reads INFO replication. `slave` becomes `replica` here, as in nodes.ts. */
export function parseReplication(info: Info): Replication {
  const isReplica = info.get('role') === 'slave' || info.get('role') === 'replica'
  const replicas: Replication['replicas'][number][] = []
  for (const [name, value] of info) {
    if (!/^(slave|replica)\d+$/.test(name)) continue
    const fields = parseFields(value)
    replicas.push({
      ip: fields.get('ip') ?? '',
      port: Number(fields.get('port') ?? 0),
      online: fields.get('state') === 'online',
      offset: Number(fields.get('offset') ?? 0),
    })
  }
  return {
    role: isReplica ? 'replica' : 'master',
    masterHost: isReplica ? (info.get('master_host') ?? '') : '',
    masterPort: isReplica ? numberOf(info, 'master_port') : 0,
    linkUp: info.get('master_link_status') === 'up',
    syncing: info.get('master_sync_in_progress') === '1',
    // A replica's own progress; its master_repl_offset is what it passes on to replicas of its own.
    offset: numberOf(info, isReplica ? 'slave_repl_offset' : 'master_repl_offset'),
    replicas,
  }
}
