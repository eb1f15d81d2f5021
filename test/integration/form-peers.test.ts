import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LocalCluster } from '../../local/cluster.ts'
import type { Environment } from '../../local/process.ts'
import { startCluster } from '../helper/cluster.ts'
import { temporaryFolder } from '../helper/folder.ts'
import {
  agentsLive,
  DEADLINE_MS,
  formed,
  formedAsThreeShards,
  isUntouched,
  untilReason,
  whatServersKnow,
} from '../helper/formation.ts'
import { serverPath, serversFor, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'

t.setTimeout(900_000)

/** A server program that is the real one but for what the script does before. */
function serverThat(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name)
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  chmodSync(path, 0o755)
  return path
}

type Odd = { readonly what: string; readonly env: Environment; readonly reason: RegExp }

/** Pods that no formation can use; each but for one thing as it should be. */
function oddPods(t: Test, real: string): Odd[] {
  const folder = temporaryFolder(t)
  const password = join(folder, 'password')
  writeFileSync(password, 'not-ours\n')
  const version = `[ "$1" = --version ] && exec ${real} --version`
  return [
    {
      what: 'a server without cluster mode',
      env: {
        SERVER: serverThat(folder, 'alone', [version, `exec ${real} "$@" --cluster-enabled no`]),
      },
      reason: /redis-cluster-5 \(it runs without cluster mode/,
    },
    {
      what: 'a server with a password that we lack',
      env: { REDIS_PASSWORD_FILE: password },
      reason: /redis-cluster-5 \(the login is refused, check REDIS_PASSWORD_FILE/,
    },
    {
      what: 'a server that is too old',
      env: {
        SERVER: serverThat(folder, 'old', ['echo "Redis server v=6.2.14 sha=00000000:0 bits=64"']),
      },
      reason: /redis-cluster-5 \(.*ECONNREFUSED/,
    },
  ]
}

/** Replaces pod 5 by one with these settings; DNS hides it, so that nothing forms meanwhile. */
async function replacePod(cluster: LocalCluster, env: Environment): Promise<void> {
  cluster.dns.setFault('redis-cluster-5', { kind: 'absent' })
  await cluster.endPod(5, { force: true, wipe: true })
  cluster.startPod(5, undefined, env)
}

/** Gives a server that knows nobody one slot, with a key in it. */
async function leaveKey(cluster: LocalCluster, pod: number): Promise<number> {
  const say = (...words: [string, ...string[]]) => cluster.command(pod, ...words)
  const slot = String(await say('CLUSTER', 'KEYSLOT', 'left'))
  await say('CLUSTER', 'ADDSLOTS', slot)
  await until(() => say('SET', 'left', 'behind'), {
    what: 'it takes a key',
    deadlineMs: DEADLINE_MS,
  })
  return Number(slot)
}

for (const server of serversFor('form-peers.test.ts')) {
  const options = { skip: skipWithout(server), timeout: 600_000 }
  void t.test(`${server}: forms with nobody who is not as it should be`, options, async t => {
    const cluster = await startCluster(t, { server, kubernetes: 'off', start: false })
    t.setTimeout(600_000)
    for (let ordinal = 0; ordinal < 5; ordinal++) cluster.startPod(ordinal)
    cluster.startPod(5)
    await replacePod(cluster, {})
    const others = cluster.pods.slice(0, 5)

    for (const { what, env, reason } of oddPods(t, serverPath(server))) {
      await replacePod(cluster, env)
      cluster.dns.setFault('redis-cluster-5', null)
      await untilReason(cluster, reason)
      await isUntouched(t, cluster, what, others)
      await agentsLive(t, cluster, what)
      if (!what.includes('too old')) continue
      const log = () => readFileSync(cluster.pod(5).logOf('server'), 'utf8')
      await until(() => /is Redis 6\.2\.14; allowed: Redis 7\.0 or newer/.test(log()), {
        what: 'the log names the version',
        deadlineMs: DEADLINE_MS,
      })
    }
    await replacePod(cluster, {})
    cluster.dns.setFault('redis-cluster-5', null)
    await formedAsThreeShards(t, cluster, 'when pod 5 is as it should be')
  })

  void t.test(`${server}: forms with nobody who has a past`, options, async t => {
    const cluster = await startCluster(t, {
      server,
      kubernetes: 'off',
      pods: 3,
      replicasPerMaster: 0,
      start: false,
    })
    const stranger = await startCluster(t, {
      server,
      kubernetes: 'off',
      pods: 1,
      env: { POD_NAMESPACE: 'theirs' },
    })
    const two = 'redis-cluster-2'
    cluster.dns.setFault(two, { kind: 'absent' })
    cluster.start()
    const others = cluster.pods.slice(0, 2)
    await until(async () => (await whatServersKnow(cluster)).length === 3, {
      what: 'the servers answer',
      deadlineMs: DEADLINE_MS,
    })
    await until(
      async () => {
        await cluster.command(2, 'CLUSTER', 'MEET', stranger.pod(0).address, '6379')
        return (await whatServersKnow(stranger)).every(({ nodes }) => nodes === 2)
      },
      { what: 'pod 2 has met a stranger', deadlineMs: DEADLINE_MS },
    )
    cluster.dns.setFault(two, null)
    await untilReason(
      cluster,
      /no cluster is created .*: redis-cluster-2 knows 1 nodes that are not/,
    )
    await isUntouched(t, cluster, 'one knows others', others)

    cluster.dns.setFault(two, { kind: 'absent' })
    await stranger.endPod(0, { force: true })
    await cluster.command(2, 'CLUSTER', 'RESET', 'HARD')
    const slot = await leaveKey(cluster, 2)
    cluster.dns.setFault(two, null)
    await untilReason(cluster, /no cluster is created .*redis-cluster-2 has 1 keys/)
    t.strictSame(
      (await whatServersKnow(cluster)).map(({ slots }) => slots),
      [0, 0, 1],
      'one owns a slot and has a key: nobody is given any other slot',
    )
    await isUntouched(t, cluster, 'one has keys', others)
    await agentsLive(t, cluster, 'beside servers with a past')

    const rest = [0, slot - 1, slot + 1, 16383].map(String)
    await cluster.command(2, 'CLUSTER', 'ADDSLOTSRANGE', ...rest)
    const { pods } = await formed(cluster)
    t.match(pods, [{ role: 'replica' }, { role: 'replica' }, { role: 'master' }])
    t.equal(await cluster.command(2, 'GET', 'left'), 'behind', 'what it had is still there')
  })
}
