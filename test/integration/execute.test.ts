import t from 'tap'
import type { Test } from 'tap'
import { evenRanges } from '../../agent/cluster/slots.ts'
import type { ServerFacts } from '../../agent/cluster/view.ts'
import { createExecutor } from '../../agent/execute/execute.ts'
import { describe } from '../../agent/plan/action.ts'
import type { Action, Outcome } from '../../agent/plan/action.ts'
import { asNodeId } from '../../agent/cluster/node-id.ts'
import { skipWithout } from '../helper/servers.ts'
import type { ServerName } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { connect, freeAddresses, port, startServer } from './redis-process.ts'

t.setTimeout(300_000)

type Bench = {
  addresses: readonly string[]
  /** Runs the actions, and gives what failed as text. */
  act: (...actions: Action[]) => Promise<string[]>
  facts: (pod: number) => Promise<ServerFacts>
}

const failures = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap(outcome =>
    outcome.ok ? [] : [`${describe(outcome.action)}: ${outcome.because}`],
  )

const pods = (addresses: readonly string[]) =>
  addresses.map((address, ordinal) => {
    const name = `redis-cluster-${ordinal}`
    return { pod: { ordinal, name, hostname: `${name}.redis-cluster` }, address }
  })

async function startBench(t: Test, name: ServerName, count: number): Promise<Bench> {
  const addresses = await freeAddresses(count)
  for (const address of addresses) await startServer(t, name, address)
  const connections = connect(t)
  const executor = createExecutor({ connections })
  const { signal } = new AbortController()
  return {
    addresses,
    act: async (...actions) => {
      const outcomes = await executor.execute(actions, { pods: pods(addresses) }, signal)
      t.strictSame(
        outcomes.map(outcome => outcome.action),
        actions,
        'an outcome for each action, in order',
      )
      return failures(outcomes)
    },
    facts: async pod => {
      const view = await connections.readServer(addresses[pod] ?? '')
      if (view.state !== 'answered') throw new Error(`pod ${pod} is ${view.state}: ${view.because}`)
      return view.facts
    },
  }
}

for (const name of ['redis7', 'valkey9'] as const) {
  void t.test(
    `${name}: forms and heals by repeatable actions`,
    { skip: skipWithout(name) },
    async t => {
      const { addresses, act, facts } = await startBench(t, name, 4)
      const all = [0, 1, 2, 3]
      const masters = [0, 1, 2]
      const twice = async (what: string, ...actions: Action[]): Promise<void> => {
        t.strictSame(await act(...actions), [], what)
        t.strictSame(await act(...actions), [], `${what}, again`)
      }

      const settings = { 'repl-diskless-sync-delay': '0', 'cluster-node-timeout': '2000' }
      await twice('settings', ...all.map(pod => ({ pod, type: 'set-config', settings }) as const))
      t.match((await facts(0)).settings, { nodeTimeoutMs: 2000, disklessSyncDelayS: 0 })

      await twice(
        'epochs and slots',
        ...masters.flatMap(pod => [
          { pod, type: 'set-config-epoch', epoch: pod + 1 } as const,
          { pod, type: 'add-slots', ranges: evenRanges(3).slice(pod, pod + 1) } as const,
        ]),
      )
      const meetAll = all.flatMap(pod =>
        all
          .filter(peer => peer !== pod)
          .map(peer => {
            const address = addresses[peer] ?? ''
            return { pod, type: 'meet', address, port, who: `pod ${peer}` } as const
          }),
      )
      await twice('meet', ...meetAll)
      await until(async () => (await facts(0)).clusterState === 'ok', { what: 'the cluster is ok' })
      await twice('epoch after meeting', { pod: 0, type: 'set-config-epoch', epoch: 1 })
      await twice('own slots after meeting', { pod: 0, type: 'add-slots', ranges: [[0, 100]] })

      const masterId = (await facts(0)).nodeId
      const replicate = { pod: 3, type: 'replicate', masterId, who: 'pod 0' } as const
      await until(async () => (await act(replicate)).length === 0, { what: 'pod 3 knows pod 0' })
      await twice('replicate', replicate)
      await until(async () => (await facts(3)).replication.linkUp, {
        what: 'the replica is in sync',
      })

      const failover = { pod: 3, type: 'failover', mode: 'agreed' } as const
      // OK means accepted only: the other masters may not know yet whose replica it is.
      await until(
        async () => {
          if ((await act(failover)).length > 0) return false
          return (await facts(3)).replication.role === 'master'
        },
        { what: 'the replica took over', everyMs: 1000 },
      )
      await twice('failover of a master', failover, { ...failover, mode: 'force' })

      const gone = (await facts(1)).nodeId
      await twice('forget', { pod: 2, type: 'forget', nodeId: gone, who: 'pod 1' })
      const known = (await facts(2)).nodes.map(node => node.id)
      t.notOk(known.includes(gone), 'it is forgotten')
    },
  )

  void t.test(`${name}: tells what the server refused`, { skip: skipWithout(name) }, async t => {
    const { addresses, act, facts } = await startBench(t, name, 2)
    const [, second = ''] = addresses
    t.strictSame(
      await act(
        { pod: 0, type: 'add-slots', ranges: [[0, 99]] },
        { pod: 1, type: 'add-slots', ranges: [[100, 199]] },
        { pod: 0, type: 'meet', address: second, port, who: 'pod 1' },
      ),
      [],
    )
    const firstId = (await facts(0)).nodeId
    await until(
      async () => (await facts(1)).nodes.some(node => node.id === firstId && node.slots.length > 0),
      { what: 'pod 1 knows the slots of pod 0' },
    )
    const nobody = asNodeId('0'.repeat(40))
    if (!nobody) throw new Error('not an id')
    t.match(await act({ pod: 1, type: 'add-slots', ranges: [[50, 60]] }), [
      /^pod 1: CLUSTER ADDSLOTSRANGE 50-60: the server replied "ERR Slot 50 is already busy"$/,
    ])
    t.match(await act({ pod: 1, type: 'replicate', masterId: nobody, who: 'nobody' }), [
      /Unknown node 0{40}/,
    ])
    t.match(await act({ pod: 1, type: 'replicate', masterId: firstId, who: 'pod 0' }), [
      /the node must be empty and without assigned slots/,
    ])
    t.match(await act({ pod: 1, type: 'meet', address: 'a.name', port, who: 'a name' }), [
      /Invalid node address/,
    ])
    t.match(
      await act(
        { pod: 7, type: 'failover', mode: 'agreed' },
        { pod: 0, type: 'set-config', settings: { 'no-such': '1' } },
      ),
      [/^pod 7: CLUSTER FAILOVER: the pod has no address$/, /^pod 0: CONFIG SET no-such 1: /],
    )
  })
}

void t.test('an unreachable pod fails alone, and an aborted signal begins nothing', async t => {
  const addresses = await freeAddresses(2)
  const executor = createExecutor({ connections: connect(t) })
  const actions: Action[] = [
    { pod: 0, type: 'failover', mode: 'agreed' },
    { pod: 1, type: 'failover', mode: 'takeover' },
  ]
  const view = { pods: pods(addresses) }
  const stop = new AbortController()
  const refused = failures(await executor.execute(actions, view, stop.signal))
  t.match(refused, [/ECONNREFUSED/, /TAKEOVER: .*ECONNREFUSED/])
  stop.abort(new Error('the lease ran out'))
  const aborted = failures(await executor.execute(actions, view, stop.signal))
  t.match(aborted, [/not begun: the lease ran out/, /not begun: the lease ran out/])
})
