import t from 'tap'
import { readConfig } from '../../agent/config.ts'
import { AgentError } from '../../agent/errors.ts'

const good = {
  POD_NAME: 'redis-cluster-12',
  POD_NAMESPACE: 'shop',
  POD_IP: '10.0.0.7',
}

/** The complaints about an environment, a line each. */
function complaints(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof AgentError && error.code === 'CONFIG') return error.message.split('\n')
    throw error
  }
  return []
}

void t.test('three settings from the downward API are enough', async t => {
  const config = readConfig(good)
  t.match(config, {
    podName: 'redis-cluster-12',
    ordinal: 12,
    statefulSet: 'redis-cluster',
    serviceDomain: 'redis-cluster.shop.svc.cluster.local',
    redisPort: 6379,
    httpPort: 9121,
    nodeTimeoutMs: 5000,
    goneAfterMs: 60_000,
    kubernetes: 'on',
  })
  t.ok(Object.isFrozen(config))
})

void t.test('what is given counts more than the default', async t => {
  const config = readConfig({ ...good, REDIS_PORT: '7000', KUBERNETES: 'off', PODS: '9' })
  t.match(config, { redisPort: 7000, kubernetes: 'off', pods: 9 })
})

void t.test('every missing setting is named, with what it is for', async t => {
  const lines = complaints({})
  t.equal(lines.length, 3)
  for (const [i, name] of ['POD_NAME', 'POD_NAMESPACE', 'POD_IP'].entries())
    t.match(lines[i], new RegExp(`^${name} is missing; \\S`))
})

void t.test('bad values are all told at once: name, value and what is allowed', async t => {
  const lines = complaints({
    ...good,
    POD_NAME: 'redis-cluster',
    REDIS_PORT: '6379x',
    HTTP_PORT: '70000',
    REPLICAS_PER_MASTER: '-1',
    NODE_TIMEOUT_MS: '',
    KUBERNETES: 'maybe',
    DATA_DIR: 'data',
  })
  t.same(lines, [
    `POD_NAME is "redis-cluster"; allowed: a StatefulSet pod's name, as redis-cluster-0`,
    'REDIS_PORT is "6379x"; allowed: a whole number from 1 to 55535',
    'HTTP_PORT is "70000"; allowed: a whole number from 1 to 65535',
    'DATA_DIR is "data"; allowed: an absolute path',
    'REPLICAS_PER_MASTER is "-1"; allowed: a whole number from 0 to 10',
    'NODE_TIMEOUT_MS is ""; allowed: a whole number from 1000 to 120000',
    'KUBERNETES is "maybe"; allowed: on, off',
  ])
})

void t.test('the ends of a range are allowed, the next number is not', async t => {
  t.same(complaints({ ...good, PODS: '1', NODE_TIMEOUT_MS: '120000' }), [])
  t.equal(complaints({ ...good, PODS: '0', NODE_TIMEOUT_MS: '120001' }).length, 2)
})

void t.test('settings that contradict each other are told', async t => {
  t.match(complaints({ ...good, HTTP_PORT: '6379' }), [
    /^HTTP_PORT is 6379, which the server needs/,
  ])
  t.match(complaints({ ...good, HTTP_PORT: '16379', REDIS_USER_FILE: '/secret/user' }), [
    /^HTTP_PORT is 16379, .* bus port 16379\)$/,
    /^REDIS_USER_FILE is set without REDIS_PASSWORD_FILE/,
  ])
})

void t.test('an IPv6 address is an address, a name is none', async t => {
  t.equal(readConfig({ ...good, POD_IP: 'fd00::17' }).podIp, 'fd00::17')
  t.match(complaints({ ...good, POD_IP: 'localhost' }), [
    /^POD_IP is "localhost"; allowed: an IPv4/,
  ])
})
