import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { askRunning } from './ask-running.ts'

const usage = `npm start -- [OPTIONS]                     a cluster on this machine, until Ctrl-C
npm run local -- VERB [OPTIONS]            the same from another terminal:
  up                                       what npm start does
  status [--json]                          pods, roles, slots
  scale N                                  as kubectl scale
  delete POD... [--force] [--wipe]         --force: SIGKILL to all of it; --wipe: loses its volume
  kill POD server|agent                    the process dies, its pod lives
  restart-all                              every pod at once, each with a new address
  logs POD                                 what init, agent and server of a pod logged
  exec POD -- agent ...                    the agent's command line in that pod
  annotate KEY=VALUE... | KEY-...          annotations of the StatefulSet, as kubectl annotate
  events                                   what the agents told the API, as kubectl get events
  down                                     ends the cluster
Options: --dir DIR (.local/cluster)   and for up: --pods N (6)  --replicas-per-master R (1)
         --server PATH (redis-server or valkey-server of PATH)  --keep (the volumes of the last time)
         --kubernetes on|off (on: the API is stood in for; off: DNS is all there is)`

const options = {
  dir: { type: 'string', default: fileURLToPath(new URL('../.local/cluster', import.meta.url)) },
  pods: { type: 'string', default: '6' },
  'replicas-per-master': { type: 'string', default: '1' },
  server: { type: 'string' },
  keep: { type: 'boolean', default: false },
  kubernetes: { type: 'string', default: 'on' },
  json: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  wipe: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** A number of an argument. */
function whole(name: string, text: string | undefined, min: number, max: number): number {
  const value = Number(text)
  if (text !== undefined && /^\d+$/.test(text) && value >= min && value <= max) return value
  throw new Error(`${name} is ${text ?? 'missing'}; allowed: a whole number from ${min} to ${max}`)
}

async function main(args: string[]): Promise<number> {
  const dashes = args.indexOf('--')
  const own = dashes === -1 ? args : args.slice(0, dashes)
  const rest = dashes === -1 ? [] : args.slice(dashes + 1)
  const { values, positionals } = parseArgs({ args: own, options, allowPositionals: true })
  // Scripts of package.json name a verb; the person's own one, if any, comes last.
  const [verb = 'up', ...words] = positionals
  if (values.help || verb === 'help') {
    console.log(usage)
    return 0
  }
  if (verb !== 'up') {
    if (verb === 'scale') whole('scale', words[0], 0, 200)
    return askRunning(verb, words, rest, values)
  }
  const { kubernetes } = values
  if (kubernetes !== 'on' && kubernetes !== 'off')
    throw new Error(`--kubernetes is ${kubernetes}; allowed: on, off`)
  const { up } = await import('./up.ts')
  await up({
    dir: values.dir,
    server: values.server,
    pods: whole('--pods', values.pods, 1, 120),
    replicasPerMaster: whole('--replicas-per-master', values['replicas-per-master'], 0, 10),
    keep: values.keep,
    kubernetes,
  })
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
