import type { Config } from '../config.ts'

/** A line of the user's file that is not taken over, and what counts in its place. */
export type IgnoredLine = {
  readonly line: number
  readonly text: string
  readonly because: string
}

export type ServerConfig = {
  readonly text: string
  /** Whether the text holds a password, so that nobody else may read the file. */
  readonly secret: boolean
  readonly ignored: readonly IgnoredLine[]
}

/** What a user brings: the text of CONFIG_FILE, and what stands in the files of user and password. */
export type UserConfig = {
  readonly text: string
  readonly user: string | null
  readonly password: string | null
}

/** Directive and its arguments as they stand in redis.conf. */
type Directive = readonly [name: string, value: string]

const line = ([name, value]: Directive): string => `${name} ${value}`

/**
 * An argument in the quotes of redis.conf. Bytes that are not printable ASCII are written as \xHH, so
 * any password passes (sdssplitargs in the server's sds.c).
 */
export function quote(text: string): string {
  const escaped = Array.from(Buffer.from(text, 'utf8'), byte => {
    const character = String.fromCharCode(byte)
    if (character === '"' || character === '\\') return `\\${character}`
    const printable = byte >= 0x20 && byte < 0x7f
    return printable ? character : `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `"${escaped.join('')}"`
}

/** What the product chooses; a user's line wins. */
function defaults(): Directive[] {
  return [
    ['appendonly', 'yes'],
    ['appendfsync', 'everysec'],
    ['protected-mode', 'no'],
    ['cluster-require-full-coverage', 'no'],
    // A replica that the server moves to another shard by itself would fight the placement.
    ['cluster-allow-replica-migration', 'no'],
    // Without the delay of 5 s a new replica is linked at once.
    ['repl-diskless-sync', 'yes'],
    ['repl-diskless-sync-delay', '0'],
    ['shutdown-timeout', '10'],
  ]
}

/** What the agent relies on: no line of the user's changes it. */
function fixed(config: Config, given: UserConfig): Directive[] {
  const directives: Directive[] = [
    ['daemonize', 'no'],
    ['port', String(config.redisPort)],
    ['dir', quote(config.dataDir)],
    // The gate looks for the dataset under these names.
    ['dbfilename', 'dump.rdb'],
    ['appenddirname', 'appendonlydir'],
    ['appendfilename', 'appendonly.aof'],
    ['cluster-enabled', 'yes'],
    ['cluster-config-file', 'nodes.conf'],
    ['cluster-node-timeout', String(config.nodeTimeoutMs)],
    ['cluster-announce-ip', config.podIp],
    ['cluster-announce-hostname', `${config.podName}.${config.serviceDomain}`],
  ]
  if (given.user !== null) directives.push(['masteruser', quote(given.user)])
  if (given.password !== null) {
    directives.push(['masterauth', quote(given.password)])
    // With a user of its own the agent leaves the default user to the ACL of the person.
    if (given.user === null) directives.push(['requirepass', quote(given.password)])
  }
  return directives
}

/** Directives that would contradict the fixed ones under another name. */
const forbidden: ReadonlyMap<string, string> = new Map([
  ['cluster-port', 'the cluster bus has REDIS_PORT + 10000'],
  ['supervised', 'the server is the process of its container'],
])

/** Where a fixed directive gets its value from, for the warning. */
const sources: ReadonlyMap<string, string> = new Map([
  ['port', 'REDIS_PORT'],
  ['dir', 'DATA_DIR'],
  ['cluster-node-timeout', 'NODE_TIMEOUT_MS'],
  ['cluster-announce-ip', 'POD_IP'],
  ['cluster-announce-hostname', 'POD_NAME'],
  ['masteruser', 'REDIS_USER_FILE'],
  ['masterauth', 'REDIS_PASSWORD_FILE'],
  ['requirepass', 'REDIS_PASSWORD_FILE'],
])

const secrets: ReadonlySet<string> = new Set(['masterauth', 'requirepass'])

/** Why the user's directive is left out; null if it stays. */
function refusal(name: string, kept: ReadonlyMap<string, string>): string | null {
  const value = kept.get(name)
  if (value !== undefined) {
    const source = sources.get(name)
    if (secrets.has(name)) return `what counts is the password in the file of ${source}`
    return `what counts is ${value}${source === undefined ? '' : `, from ${source}`}`
  }
  if (name.startsWith('cluster-announce-')) return 'the agent announces the pod itself'
  return forbidden.get(name) ?? null
}

/** The name of a line's directive in lower case, '' for an empty line or a comment. */
function directiveOf(text: string): string {
  const [, name = ''] = /^\s*(["']?[^\s#"']+)/.exec(text) ?? []
  return name.replace(/^["']/, '').toLowerCase()
}

/**
 * redis.conf for the server of this pod: defaults, then the user's lines, then what is fixed. A user's
 * line that contradicts what is fixed is taken out, not only overruled: `dir` acts when it is read.
 */
export function renderServerConfig(config: Config, given: UserConfig): ServerConfig {
  const directives = fixed(config, given)
  const kept = new Map(directives)
  const ignored: IgnoredLine[] = []
  const lines = given.text.split(/\r?\n/).filter((text, index) => {
    const name = directiveOf(text)
    const because = refusal(name, kept)
    if (because === null) return true
    ignored.push({ line: index + 1, text: secrets.has(name) ? name : text.trim(), because })
    return false
  })
  const text = [
    '# Written by `agent init`; the next start of the pod writes it anew.',
    ...defaults().map(line),
    `# From ${config.configFile}`,
    ...lines,
    '# Fixed: the agent relies on these.',
    ...directives.map(line),
    '',
  ].join('\n')
  return { text, secret: given.password !== null, ignored }
}
