import { spawnSync } from 'node:child_process'
import t from 'tap'
import { agentOfImage } from '../../local/agent-command.ts'
import { startCluster } from '../helper/cluster.ts'
import { agentsLive, agentStatus, formed, isUntouched, untilReason } from '../helper/formation.ts'
import { temporaryFolder } from '../helper/folder.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { countSlots } from '../../agent/cluster/slots.ts'

t.setTimeout(600_000)

void t.test('bad settings end the start with status 2, each one named', async t => {
  t.setTimeout(120_000)
  const { command, env } = await agentOfImage()
  const [program, ...flags] = command
  const dir = temporaryFolder(t)
  const good = {
    POD_NAME: 'redis-cluster-0',
    POD_NAMESPACE: 'default',
    POD_IP: '127.0.0.1',
    RUN_DIR: dir,
    DATA_DIR: dir,
    KUBERNETES: 'off',
  }
  const cases: { what: string; bad: Record<string, string | undefined>; named: RegExp[] }[] = [
    {
      what: 'missing',
      bad: { POD_IP: undefined, POD_NAMESPACE: undefined },
      named: [/POD_IP is missing/, /POD_NAMESPACE is missing/],
    },
    {
      what: 'not a number, and out of range',
      bad: { PODS: 'six', NODE_TIMEOUT_MS: '1', REPLICAS_PER_MASTER: '-1' },
      named: [
        /PODS is "six"; allowed: a whole number from 1 to 2000/,
        /NODE_TIMEOUT_MS is "1"; allowed: a whole number from 1000/,
        /REPLICAS_PER_MASTER is "-1"; allowed/,
      ],
    },
    {
      what: 'two that contradict each other',
      bad: { HTTP_PORT: '6379', REDIS_USER_FILE: '/user' },
      named: [/HTTP_PORT is 6379, which the server needs/, /REDIS_USER_FILE is set without/],
    },
    {
      what: 'a name without ordinal',
      bad: { POD_NAME: 'redis-cluster' },
      named: [/POD_NAME is "redis-cluster"; allowed: a StatefulSet pod's name/],
    },
  ]
  for (const verb of ['init', 'run'])
    for (const { what, bad, named } of cases) {
      const { status, stdout, stderr } = spawnSync(program, [...flags, verb], {
        env: { PATH: process.env['PATH'], ...env, ...good, ...bad },
        encoding: 'utf8',
        timeout: 60_000,
      })
      t.equal(status, 2, `agent ${verb}: ${what}`)
      for (const one of named) t.match(`${stdout}${stderr}`, one)
    }
})

for (const server of serversFor('form-settings.test.ts')) {
  const options = { skip: skipWithout(server), timeout: 300_000 }
  void t.test(`${server}: too few pods wait, with the reason, and live`, options, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', pods: 2 })
    await untilReason(cluster, /^blocked: a cluster of 3 masters needs 3 pods and there are 2/)
    await isUntouched(t, cluster, 'two pods')
    await agentsLive(t, cluster, 'two pods')
    t.match(await agentStatus(cluster, 0), { state: 'blocked', plan: [] })

    // Without the API the number of pods is a setting, so all of them are started anew.
    await cluster.scale(4)
    await cluster.delete([0, 1])
    const { pods } = await formed(cluster)
    t.strictSame(
      pods.filter(({ role }) => role === 'master').map(({ slots }) => countSlots(slots)).length,
      3,
      'with four pods there are three masters',
    )
  })
}
