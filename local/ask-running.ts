import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { sendVerb } from './control.ts'
import { foldersOf } from './folders.ts'
import type { ClusterStatus } from './status.ts'
import { describeStatus } from './table.ts'
import type { ExecPlan } from './verbs.ts'

export type AskOptions = {
  readonly dir: string
  readonly json: boolean
  readonly force: boolean
  readonly wipe: boolean
}

const needed = (words: readonly string[], what: string): string => {
  const [word] = words
  if (word === undefined) throw new Error(`which ${what}? --help lists the verbs`)
  return word
}

function printLogs(files: readonly string[]): void {
  for (const file of files) {
    console.log(`==> ${file} <==`)
    try {
      process.stdout.write(readFileSync(file, 'utf8'))
    } catch {
      console.log('(nothing yet)')
    }
  }
}

function execute({ agent, env }: ExecPlan, rest: readonly string[]): number {
  const [program, ...args] = rest[0] === 'agent' ? [...agent, ...rest.slice(1)] : rest
  if (program === undefined) throw new Error('exec POD -- agent ...: what shall it run?')
  const { status, error } = spawnSync(program, args, { env, stdio: 'inherit' })
  if (error) throw error
  return status ?? 1
}

/** Asks the cluster of another terminal for something; gives the exit code. */
export async function askRunning(
  verb: string,
  words: readonly string[],
  rest: readonly string[],
  options: AskOptions,
): Promise<number> {
  const ask = (...args: readonly unknown[]) =>
    sendVerb(foldersOf(options.dir).control, { verb, args }, line => console.log(line))
  switch (verb) {
    case 'status': {
      const status = (await ask()) as ClusterStatus
      console.log(options.json ? JSON.stringify(status) : describeStatus(status))
      return 0
    }
    case 'delete':
      needed(words, 'pod')
      console.log(await ask(words, { force: options.force, wipe: options.wipe }))
      return 0
    case 'kill': {
      const pod = needed(words, 'pod')
      const what = words[1]
      if (what !== 'server' && what !== 'agent')
        throw new Error('kill POD server|agent: which of the two?')
      console.log(await ask(pod, what))
      return 0
    }
    case 'logs':
      printLogs((await ask(needed(words, 'pod'))) as string[])
      return 0
    case 'exec':
      return execute((await ask(needed(words, 'pod'))) as ExecPlan, rest)
    case 'scale':
      console.log(await ask(Number(words[0])))
      return 0
    case 'annotate':
      needed(words, 'annotation')
      console.log(await ask(words))
      return 0
    case 'events':
    case 'restart-all':
    case 'down':
      console.log(await ask())
      return 0
    default:
      throw new Error(`there is no verb ${verb}; --help lists them`)
  }
}
