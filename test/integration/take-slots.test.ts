import t from 'tap'
import { myself, type ClusterNode } from '../../agent/cluster/nodes.ts'
import { describeSlots } from '../../agent/cluster/slots.ts'
import type { Action } from '../../agent/plan/action.ts'
import { createExecutor } from '../../agent/execute/execute.ts'
import { serversFor, skipWithout } from '../helper/servers.ts'
import { untilIs } from '../helper/until.ts'
import { connect, freeAddresses, port, startServer } from './redis-process.ts'

t.setTimeout(240_000)

const LOST = '8192-16383'
const take: Action = { type: 'take-slots', pod: 2, ranges: [[8192, 16383]] }

for (const name of serversFor(import.meta.url))
  void t.test(
    `${name}: the slots of a master that is gone get a new owner, and all agree`,
    { skip: skipWithout(name) },
    async t => {
      const addresses = await freeAddresses(3)
      const [keeper = '', lost = '', taker = ''] = addresses
      await Promise.all(
        addresses.map(address =>
          startServer(t, name, address, [
            '--cluster-enabled',
            'yes',
            '--cluster-node-timeout',
            '2000',
            '--cluster-require-full-coverage',
            'no',
          ]),
        ),
      )
      const connections = connect(t)
      const tableOf = async (address: string): Promise<readonly ClusterNode[]> => {
        const view = await connections.readServer(address)
        return view.state === 'answered' ? view.facts.nodes : []
      }
      const slotsAt = async (address: string, id: string): Promise<string> => {
        const node = (await tableOf(address)).find(node => node.id === id)
        return describeSlots(node?.slots ?? [])
      }
      await connections.run(keeper, [['CLUSTER', 'ADDSLOTSRANGE', '0', '8191']])
      await connections.run(lost, [['CLUSTER', 'ADDSLOTSRANGE', '8192', '16383']])
      for (const other of [lost, taker])
        await connections.run(keeper, [['CLUSTER', 'MEET', other, `${port}`]])
      const [lostId = '', takerId = ''] = await Promise.all(
        [lost, taker].map(async address => myself(await tableOf(address))?.id ?? ''),
      )
      await untilIs(
        () => Promise.all([keeper, taker].map(address => slotsAt(address, lostId))),
        seen => seen.every(slots => slots === LOST),
        { what: 'all know the owner' },
      )
      await connections.run(lost, [['SHUTDOWN', 'NOSAVE']]).catch(() => undefined)

      const executor = createExecutor({ connections })
      const where = {
        pods: addresses.map((address, ordinal) => ({
          pod: { ordinal, name: `redis-cluster-${ordinal}`, hostname: '' },
          address,
        })),
      }
      const signal = new AbortController().signal
      const taking = () => executor.execute([take], where, signal)
      t.match(await taking(), [{ ok: true }])
      await untilIs(
        () => Promise.all([keeper, taker].map(address => slotsAt(address, takerId))),
        seen => seen.every(slots => slots === LOST),
        { what: 'both call the taker the owner' },
      )
      t.equal(await slotsAt(keeper, lostId), '', 'and nobody else')

      t.match(await taking(), [{ ok: true }], 'it may be repeated')
      await connections.run(taker, [['CLUSTER', 'DELSLOTSRANGE', '8192', '16383']])
      t.match(await taking(), [{ ok: true }], 'also after it was interrupted in the middle')
      const states = () =>
        Promise.all([keeper, taker].map(address => connections.readServer(address)))
      await untilIs(
        states,
        all => all.every(view => view.state === 'answered' && view.facts.clusterState === 'ok'),
        { what: 'both say ok' },
      )
      t.equal(await slotsAt(keeper, takerId), LOST)
    },
  )
