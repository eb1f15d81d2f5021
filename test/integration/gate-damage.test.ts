import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { salvaged, withAddresses } from '../../agent/cluster/nodes-conf-rewrite.ts'
import { readNodesConf } from '../../agent/cluster/nodes-conf.ts'
import { serverPath, serversFor, skipWithout, type ServerName } from '../helper/servers.ts'
import { ways } from './gate-damage.ts'

// Longer than tap allows a whole file by itself.
t.setTimeout(600_000)

const own = { ip: '127.0.0.1', port: 6379 }
const recorded = (name: string): string =>
  readFileSync(new URL(`../unit/cluster/recorded/${name}.conf`, import.meta.url), 'utf8')

/** A port that is free, and the one of its cluster bus too. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000)
    const free = await Promise.all([isFree(port), isFree(port + 10000)])
    if (free.every(Boolean)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Starts a server on the text, and says whether it came up and what its nodes.conf says then. */
async function start(
  name: ServerName,
  text: string,
): Promise<{ up: boolean; log: string; conf: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'gate-'))
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'nodes.conf'), text)
  const args = ['--port', String(await freePort()), '--bind', '127.0.0.1', '--dir', dir]
  const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--save', '']
  const child = spawn(serverPath(name), [...args, ...cluster])
  try {
    return await new Promise((resolve, reject) => {
      let log = ''
      let up = false
      child.on('error', reject)
      child.stdout.on('data', (data: Buffer) => {
        log += data.toString()
        if (!log.includes('Ready to accept') || up) return
        up = true
        child.kill('SIGTERM')
      })
      child.on('close', () =>
        resolve({ up, log, conf: readFileSync(join(dir, 'nodes.conf'), 'utf8') }),
      )
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** 7.0 reads no auxiliary fields and so minds none. */
const isRefusedAnyway = (name: ServerName, way: string): boolean =>
  name === 'redis7' && way.startsWith('an aux field')

for (const name of serversFor('gate-damage.test.ts'))
  for (const kind of ['master', 'replica'])
    void t.test(
      `${name}: each way to damage the file of a ${kind}`,
      { skip: skipWithout(name), timeout: 300_000 },
      async t => {
        for (const { way, damage } of ways) {
          const text = damage(recorded(`${name}-${kind}`))
          const conf = readNodesConf(text)
          const { up, log } = await start(name, text)
          if (isRefusedAnyway(name, way)) continue
          t.equal(conf.state !== 'damaged', up, `${way}: our judgement is the server's`, {
            log: log.slice(-2000),
          })
          if (conf.state !== 'damaged') continue
          const rest = salvaged(conf.salvage, own)
          if (rest === null) continue
          const before = conf.salvage.myself?.node
          const saved = await start(name, rest)
          const after = readNodesConf(saved.conf)
          t.ok(saved.up, `${way}: what is salvaged starts`, { log: saved.log.slice(-2000) })
          if (after.state !== 'member') throw new Error(`${way}: it is ${after.state} afterwards`)
          t.equal(after.nodeId, before?.id, `${way}: the id stays`)
          t.same(after.myself.slots, before?.slots, `${way}: the slots stay`)
          t.equal(after.myself.masterId, before?.masterId, `${way}: the master stays`)
        }
      },
    )

for (const name of serversFor('gate-damage.test.ts', 1))
  for (const kind of ['master', 'replica'])
    void t.test(
      `${name}: the rewritten file of a ${kind} starts and keeps id, slots and epoch`,
      { skip: skipWithout(name), timeout: 120_000 },
      async t => {
        const before = readNodesConf(recorded(`${name}-${kind}`))
        if (before.state !== 'member') throw new Error(before.state)
        const { up, conf } = await start(
          name,
          withAddresses(before, () => null, own),
        )
        const after = readNodesConf(conf)
        t.ok(up)
        if (after.state !== 'member') throw new Error(after.state)
        t.equal(after.nodeId, before.nodeId)
        t.same(after.myself.slots, before.myself.slots)
        t.equal(after.currentEpoch, before.currentEpoch)
        const known = (lines: typeof after.lines): string[] =>
          lines
            .flatMap(({ node }) =>
              node && node.id !== before.nodeId
                ? [`${node.id} ${node.hostname} ${node.masterId}`]
                : [],
            )
            .sort()
        t.same(known(after.lines), known(before.lines))
      },
    )
