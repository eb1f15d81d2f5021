import t from 'tap'
import { explain, refusalOf } from '../../../agent/redis/replies.ts'

const known = {
  loading: [
    'LOADING Redis is loading the dataset in memory',
    'LOADING Valkey is loading the dataset in memory',
  ],
  login: [
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
  ],
  permission: ["NOPERM User agent has no permissions to run the 'cluster|info' command"],
  protected: ['DENIED Redis is running in protected mode because protected mode is enabled'],
  full: [
    'ERR max number of clients reached',
    'ERR max number of clients + cluster connections reached',
  ],
  busy: ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'],
  'master down': [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE',
  ],
  'no cluster mode': ['ERR This instance has cluster support disabled'],
  'unknown command': ["ERR unknown command 'CLUSTER', with args beginning with: 'INFO' "],
  other: ['ERR syntax error', 'OOM command not allowed', '', 'a text with ERR Unknown node in it'],
} as const

void t.test('recognises error replies of Redis and Valkey', t => {
  for (const [meaning, texts] of Object.entries(known))
    for (const text of texts) t.equal(refusalOf(text), meaning, text)
  t.end()
})

void t.test('an explanation says what to do, quotes the reply, and is never endless', t => {
  t.match(explain('NOAUTH Authentication required.'), /REDIS_PASSWORD_FILE.*NOAUTH/)
  t.match(explain('ERR This instance has cluster support disabled'), /cluster-enabled must be yes/)
  t.equal(explain('ERR syntax error'), 'it replied "ERR syntax error"')
  t.ok(explain(`ERR ${'x'.repeat(10_000)}`).length < 300)
  t.end()
})
