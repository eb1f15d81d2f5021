import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import type { DnsFault } from '../../local/dns-answer.ts'
import { HTTP_PORT, REDIS_PORT } from '../../local/pod.ts'
import { startCluster } from '../helper/cluster.ts'
import {
  agentsLive,
  formedAsThreeShards,
  isUntouched,
  DEADLINE_MS,
  startBlank,
  untilReason,
  whatServersKnow,
} from '../helper/formation.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(900_000)

type Wrong = {
  readonly what: string
  readonly pod: string
  readonly fault: DnsFault
  readonly reason: RegExp
}

/** Something else has the address: it answers at the ports of server and agent, as neither does. */
async function startStranger(t: Test, address: string): Promise<void> {
  const web = createHttp((_request, response) => response.end('{"hello":"world"}'))
  const smtp = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end('220 mail.example.org ESMTP\r\n')
  })
  web.listen(HTTP_PORT, address)
  smtp.listen(REDIS_PORT, address)
  await Promise.all([once(web, 'listening'), once(smtp, 'listening')])
  t.teardown(() => {
    web.closeAllConnections()
    web.close()
    smtp.close()
  })
}

function wrongAnswers(cluster: LocalCluster, old: string): Wrong[] {
  const five = 'redis-cluster-5'
  const { prefix } = cluster.network
  const stale = (address: string): DnsFault => ({ kind: 'stale', address })
  return [
    {
      what: 'no answer',
      pod: 'all',
      fault: { kind: 'drop' },
      reason: /DNS fails: .*(silent|no answer|time is up)/,
    },
    { what: 'SERVFAIL', pod: five, fault: { kind: 'servfail' }, reason: /DNS fails.*SERVFAIL/ },
    { what: 'garbage', pod: five, fault: { kind: 'garbage' }, reason: /DNS fails: .*-5\./ },
    {
      what: 'no such name',
      pod: five,
      fault: { kind: 'absent' },
      reason: /-5 \(DNS does not name/,
    },
    {
      what: 'an address that refuses',
      pod: five,
      fault: stale(`${prefix}.240`),
      reason: /redis-cluster-5 \(.*ECONNREFUSED/,
    },
    {
      what: 'an address where another service answers',
      pod: five,
      fault: stale(`${prefix}.241`),
      reason: /redis-cluster-5 \(nothing proves that it is this pod's server/,
    },
    {
      what: 'the address of another pod',
      pod: five,
      fault: stale(cluster.pod(1).address),
      reason: /redis-cluster-5 \(the address answers as another pod: .* as redis-cluster-1\./,
    },
    {
      what: 'the address that the pod had before it moved',
      pod: five,
      fault: stale(old),
      reason: /redis-cluster-5 \(.*ECONNREFUSED/,
    },
  ]
}

for (const server of serversFor('form-dns.test.ts')) {
  const options = { skip: skipWithout(server), timeout: 600_000 }
  void t.test(`${server}: waits while DNS is wrong, and says how`, options, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', start: false })
    t.setTimeout(600_000)
    await startBlank(cluster)
    await startStranger(t, `${cluster.network.prefix}.241`)
    const old = cluster.pod(5).address
    cluster.dns.setFault('redis-cluster-5', { kind: 'absent' })
    cluster.dns.setFault('all', null)
    await cluster.delete([5], { force: true })
    await until(async () => (await whatServersKnow(cluster)).length === 6, {
      what: 'pod 5 is there again',
      deadlineMs: DEADLINE_MS,
    })
    cluster.dns.setFault('all', { kind: 'servfail' })
    cluster.dns.setFault('redis-cluster-5', null)

    for (const { what, pod, fault, reason } of wrongAnswers(cluster, old)) {
      cluster.dns.setFault(pod, fault)
      if (pod !== 'all') cluster.dns.setFault('all', null)
      await untilReason(cluster, reason)
      await isUntouched(t, cluster, what)
      // No moment between two faults in which DNS is right.
      cluster.dns.setFault('all', { kind: 'servfail' })
      if (pod !== 'all') cluster.dns.setFault(pod, null)
    }
    await agentsLive(t, cluster, 'after all of that')
    cluster.dns.setFault('all', { kind: 'truncate' })
    await formedAsThreeShards(t, cluster, 'once DNS is right, over TCP')
  })
}
