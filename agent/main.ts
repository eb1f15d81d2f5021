import { parseArgs } from 'node:util'
import { readConfig, settings, type Config } from './config.ts'
import { AgentError, messageOf } from './errors.ts'
import type { Log } from './log.ts'

const usage = `usage: agent COMMAND

  init                       prepare the pod: configuration and scripts for the server
  run                        look after the server of this pod until told to end
  status [--json]            the pods, their roles and slots, and what the cluster is busy with
  plan                       what the agent would do now, and why; changes nothing
  pause                      stop every plan; the start gate and handovers go on
  resume                     let plans go on
  fix [--accept-data-loss]   repair what only a person may decide
  --version                  the version of the agent
  --help                     this text
`

const options = {
  json: { type: 'boolean' },
  'accept-data-loss': { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Which flags each command takes; the keys are the commands that there are. */
const commands: Readonly<Record<string, readonly string[]>> = {
  init: [],
  run: [],
  status: ['json'],
  plan: [],
  pause: [],
  resume: [],
  fix: ['accept-data-loss'],
}

type Flags = { readonly [name in keyof typeof options]?: boolean }

const misuse = (message: string): AgentError => new AgentError('USAGE', message)

const commandNames = (): string =>
  `the commands are ${Object.keys(commands).join(', ')}, --version and --help`

/** The one command of the line and its flags. */
function parseLine(line: readonly string[]): { command: string; flags: Flags } {
  const parse = () => {
    try {
      return parseArgs({ args: [...line], options, allowPositionals: true })
    } catch (error) {
      throw misuse(messageOf(error))
    }
  }
  const { values: flags, positionals } = parse()
  if (flags.help === true) return { command: 'help', flags }
  if (flags.version === true) return { command: 'version', flags }
  const [command, ...rest] = positionals
  if (command === undefined) throw misuse('no command was given')
  const allowed = Object.hasOwn(commands, command) ? commands[command] : undefined
  if (!allowed) throw misuse(`there is no command ${JSON.stringify(command)}`)
  const odd = [...rest, ...Object.keys(flags).filter(flag => !allowed.includes(flag))]
  if (odd.length > 0) throw misuse(`${command} does not take ${odd.join(', ')}`)
  return { command, flags }
}

/** The commands of people need no setting but the directory of the socket. */
const runDir = (): string =>
  process.env['RUN_DIR'] ?? settings.find(({ name }) => name === 'RUN_DIR')?.fallback ?? ''

async function prepare(): Promise<{ config: Config; log: Log }> {
  const config = readConfig(process.env)
  const { createLog } = await import('./log.ts')
  return { config, log: createLog(config.logLevel, config.podName) }
}

/** Runs one command; what it resolves to is printed. Every command is loaded only when asked for. */
async function execute(command: string, flags: Flags): Promise<string> {
  switch (command) {
    case 'help':
      return usage
    case 'version':
      return (await import('./commands/version.ts')).version
    case 'init':
    case 'run': {
      const { config, log } = await prepare()
      if (command === 'init') await (await import('./commands/init.ts')).init(config, log)
      else await (await import('./commands/run.ts')).run(config, log)
      return ''
    }
    case 'status':
      return (await import('./commands/status.ts')).status(runDir(), flags.json === true)
    case 'plan':
      return (await import('./commands/plan.ts')).plan(runDir())
    case 'pause':
    case 'resume':
      return (await import('./commands/pause.ts')).pause(runDir(), command)
    default:
      return (await import('./commands/fix.ts')).fix(runDir(), flags['accept-data-loss'] === true)
  }
}

/** What to say on standard error, and the exit code: 2 bad settings, 64 misuse, 1 anything else. */
function failure(error: unknown): { text: string; code: number } {
  if (!(error instanceof AgentError))
    return {
      text: error instanceof Error ? (error.stack ?? error.message) : String(error),
      code: 1,
    }
  switch (error.code) {
    case 'CONFIG':
      return { text: `bad settings:\n${error.message}`, code: 2 }
    case 'USAGE':
      return { text: `${error.message}; ${commandNames()}`, code: 64 }
    default:
      return { text: error.message, code: 1 }
  }
}

async function main(): Promise<number> {
  try {
    const { command, flags } = parseLine(process.argv.slice(2))
    const text = await execute(command, flags)
    if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    return 0
  } catch (error) {
    const { text, code } = failure(error)
    process.stderr.write(`agent: ${text}\n`)
    return code
  }
}

// Pipes and files are written synchronously here, so nothing that was printed is lost.
process.exit(await main())
