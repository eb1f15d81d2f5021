import t from 'tap'
import type { Command } from '../../agent/redis/pool.ts'
import { refusalOf } from '../../agent/redis/replies.ts'
import { serverNames, skipWithout } from '../helper/servers.ts'
import { until } from '../helper/until.ts'
import { connect, freeAddresses, port, startServer } from './redis-process.ts'

t.setTimeout(300_000)

for (const name of serverNames) {
  void t.test(`${name}: its error replies are recognised`, { skip: skipWithout(name) }, async t => {
    const [first = '', second = ''] = await freeAddresses(2)
    for (const address of [first, second]) await startServer(t, name, address)
    const connections = connect(t)
    const ask = async (address: string, ...command: Command): Promise<string> => {
      const [reply] = await connections.run(address, [command])
      return reply && 'refusal' in reply ? refusalOf(reply.refusal) : 'done'
    }
    const firstId = (await connections.whoIs(first)) ?? ''
    const secondId = (await connections.whoIs(second)) ?? ''
    const nobody = '0'.repeat(40)

    t.equal(await ask(first, 'CLUSTER', 'SET-CONFIG-EPOCH', '1'), 'done')
    t.equal(await ask(first, 'CLUSTER', 'SET-CONFIG-EPOCH', '1'), 'epoch set')
    t.equal(await ask(first, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383'), 'done')
    t.equal(await ask(first, 'CLUSTER', 'ADDSLOTSRANGE', '0', '5'), 'slot busy')
    t.equal(await ask(first, 'CLUSTER', 'FORGET', firstId), 'itself')
    t.equal(await ask(first, 'CLUSTER', 'REPLICATE', firstId), 'itself')
    t.equal(await ask(first, 'CLUSTER', 'FORGET', nobody), 'unknown node')
    t.equal(await ask(first, 'CLUSTER', 'FAILOVER'), 'is a master')
    t.equal(await ask(first, 'NO-SUCH-COMMAND'), 'unknown command')
    t.equal(await ask(first, 'CLUSTER', 'NO-SUCH-SUBCOMMAND'), 'unknown command')

    t.equal(await ask(first, 'CLUSTER', 'MEET', second, `${port}`), 'done')
    await until(async () => (await ask(second, 'CLUSTER', 'REPLICATE', firstId)) === 'done', {
      what: 'the second replicates the first',
    })
    t.equal(await ask(second, 'CLUSTER', 'SET-CONFIG-EPOCH', '2'), 'knows others')
    t.equal(await ask(second, 'CLUSTER', 'FORGET', firstId), 'own master')
    await until(
      async () => (await ask(first, 'CLUSTER', 'REPLICATE', secondId)) === 'is not a master',
      { what: 'the first knows that the second is a replica' },
    )

    t.equal(await ask(first, 'CONFIG', 'SET', 'busy-reply-threshold', '1'), 'done')
    const loop = connect(t).run(first, [['EVAL', 'while true do end', '0']])
    await until(async () => (await ask(first, 'CLUSTER', 'INFO')) === 'busy', {
      what: 'the server is busy with the script',
    })
    t.equal((await connections.readServer(first)).state, 'silent')
    t.equal(await ask(first, 'SCRIPT', 'KILL'), 'done')
    await loop
  })
}
