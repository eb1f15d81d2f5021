/** What an error reply means to an agent. Everything else is `other` and is quoted as it is. */
export type Refusal =
  | 'loading'
  | 'login'
  | 'permission'
  | 'protected'
  | 'full'
  | 'busy'
  | 'no cluster mode'
  | 'unknown command'
  | 'unknown node'
  | 'node not empty'
  | 'slot busy'
  | 'slot unassigned'
  | 'epoch set'
  | 'knows others'
  | 'is a master'
  | 'is not a master'
  | 'master down'
  | 'own master'
  | 'itself'
  | 'other'

/**
 * The one place where error replies are recognised. Their words are no promise of the servers, so
 * the integration tests (redis-replies, redis-server, execute) provoke them on real ones; all but
 * DENIED, MASTERDOWN and "Master is down". The source stands above each row; what is in 7.0's
 * cluster.c is in cluster_legacy.c clusterCommandSpecial of newer ones. The patterns leave out the
 * server's name.
 */
const table: readonly (readonly [pattern: RegExp, meaning: Refusal])[] = [
  // server.c createSharedObjects: "-LOADING Redis is loading the dataset in memory"
  [/^LOADING /, 'loading'],
  // server.c createSharedObjects: "-NOAUTH Authentication required."
  [/^NOAUTH /, 'login'],
  // acl.c addAuthErrReply: "-WRONGPASS invalid username-password pair or user is disabled."
  [/^WRONGPASS /, 'login'],
  // server.c processCommand: "-NOPERM User x has no permissions to run the 'y' command"
  [/^NOPERM /, 'permission'],
  // networking.c clientAcceptHandler: "-DENIED Redis is running in protected mode ..."
  [/^DENIED /, 'protected'],
  // networking.c acceptCommonHandler: "-ERR max number of clients reached"
  [/^ERR max number of clients/, 'full'],
  // server.c createSharedObjects (slowscripterr): "-BUSY Redis is busy running a script. ..."
  [/^BUSY /, 'busy'],
  // server.c createSharedObjects: "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
  [/^MASTERDOWN /, 'master down'],
  // cluster.c clusterCommand: "-ERR This instance has cluster support disabled"
  [/^ERR This instance has cluster support disabled/, 'no cluster mode'],
  // server.c commandCheckExistence, addReplySubcommandSyntaxError: older servers, renamed commands
  [/^ERR unknown (command|subcommand)/i, 'unknown command'],
  // cluster.c REPLICATE, FORGET, SETSLOT: "-ERR Unknown node 0123..."
  [/^ERR Unknown node /, 'unknown node'],
  // cluster.c REPLICATE: "-ERR To set a master the node must be empty and without assigned slots."
  [/^ERR To set a (master|primary) the node must be empty/, 'node not empty'],
  // cluster.c checkSlotAssignmentsOrReply: "-ERR Slot 0 is already busy"
  [/^ERR Slot \d+ is already busy/, 'slot busy'],
  // the same for DELSLOTSRANGE: "-ERR Slot 0 is already unassigned"
  [/^ERR Slot \d+ is already unassigned/, 'slot unassigned'],
  // cluster.c SET-CONFIG-EPOCH: "-ERR Node config epoch is already non-zero"
  [/^ERR Node config epoch is already non-zero/, 'epoch set'],
  // cluster.c SET-CONFIG-EPOCH: "-ERR The user can assign a config epoch only when the node does not know any other node."
  [/^ERR The user can assign a config epoch only when/, 'knows others'],
  // cluster.c FAILOVER: "-ERR You should send CLUSTER FAILOVER to a replica"
  [/^ERR You should send CLUSTER FAILOVER to a replica/, 'is a master'],
  // cluster.c REPLICATE: "-ERR I can only replicate a master, not a replica."
  [/^ERR I can only replicate a (master|primary)/, 'is not a master'],
  // cluster.c FAILOVER: "-ERR Master is down or failed, please use CLUSTER FAILOVER FORCE"
  [/^ERR (Master|Primary) is down or failed/i, 'master down'],
  // cluster.c FORGET: "-ERR Can't forget my master!"
  [/^ERR Can't forget my (master|primary)/, 'own master'],
  // cluster.c FORGET: "-ERR I tried hard but I can't forget myself..."; REPLICATE: "-ERR Can't replicate myself"
  [/^ERR (I tried hard but I can't forget|Can't replicate) myself/, 'itself'],
]

/** What an error reply means. */
export const refusalOf = (text: string): Refusal =>
  table.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'

/** What a person must know to put it right, with the reply itself. */
export function explain(text: string): string {
  const quoted = `it replied "${text.length > 200 ? `${text.slice(0, 200)}...` : text}"`
  switch (refusalOf(text)) {
    case 'loading':
      return 'it is loading its dataset'
    case 'login':
      return `the login is refused, check REDIS_PASSWORD_FILE and REDIS_USER_FILE: ${quoted}`
    case 'permission':
      return `the agent's user lacks a permission: ${quoted}`
    case 'protected':
      return 'protected mode is on, and only connections from its own host are let in'
    case 'full':
      return `it takes no more connections, raise maxclients: ${quoted}`
    case 'busy':
      return `it is busy with a script or function: ${quoted}`
    case 'no cluster mode':
      return `it runs without cluster mode, cluster-enabled must be yes: ${quoted}`
    case 'unknown command':
    case 'unknown node':
    case 'node not empty':
    case 'slot busy':
    case 'slot unassigned':
    case 'epoch set':
    case 'knows others':
    case 'is a master':
    case 'is not a master':
    case 'master down':
    case 'own master':
    case 'itself':
    case 'other':
      return quoted
  }
}
