import { textOf } from './api/answer.ts'
import type { LocalCluster } from './cluster.ts'
import type { Handler } from './control.ts'
import { describeStatus } from './table.ts'

type DeleteFlags = { readonly force: boolean; readonly wipe: boolean }

/** How `exec` starts something in a pod, for the terminal that asked. */
export type ExecPlan = {
  readonly agent: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Carries out what other terminals ask of the cluster. `end` ends all of it. */
export function handleVerbs(cluster: LocalCluster, end: () => void): Handler {
  return async ({ verb, args }, say) => {
    const [first] = args
    switch (verb) {
      case 'status':
        return cluster.status()
      case 'scale':
        say(`scaling from ${cluster.replicas} to ${Number(first)} pods`)
        await cluster.scale(Number(first))
        return describeStatus(await cluster.status())
      case 'delete': {
        const names = first as string[]
        // Asked first: a wrong name must not leave half of the others deleted.
        for (const name of names) cluster.pod(name)
        await cluster.delete(names, args[1] as DeleteFlags)
        return names.map(name => `${name} has ended and is created again`).join('\n')
      }
      case 'kill':
        cluster.kill(String(first), args[1] as 'server' | 'agent')
        return `the ${String(args[1])} of ${String(first)} was killed`
      case 'annotate': {
        const words = first as string[]
        cluster.api.annotate(Object.fromEntries(words.map(parseAnnotation)))
        return describeTexts(cluster.api.annotations())
      }
      case 'events':
        return cluster.api
          .events()
          .map(({ type, reason, count, message }) =>
            [textOf(type), textOf(reason), Number(count), textOf(message)].join('  '),
          )
          .join('\n')
      case 'restart-all':
        await cluster.restartAll()
        return 'every pod has ended and is created again'
      case 'logs': {
        const pod = cluster.pod(String(first))
        return [pod.logOf('init'), pod.logOf('agent'), pod.logOf('server')]
      }
      case 'exec': {
        const { command, env } = cluster.pod(String(first)).agentProcess()
        return { agent: command, env } satisfies ExecPlan
      }
      case 'down':
        setImmediate(end)
        return 'the cluster ends'
      default:
        throw new Error(`there is no verb ${verb}`)
    }
  }
}

/** `KEY=VALUE`, or `KEY-` to take it away, as kubectl has it. */
function parseAnnotation(word: string): [string, string | null] {
  const [, key = '', value] = /^([^=]+?)(?:=(.*)|-)$/.exec(word) ?? []
  if (key === '') throw new Error(`${word}: an annotation is KEY=VALUE, or KEY- to take it away`)
  return [key, value ?? null]
}

const describeTexts = (texts: Readonly<Record<string, string>>): string =>
  Object.entries(texts)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n') || 'no annotation is left'
