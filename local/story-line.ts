/** Lines of an agent's log that are no news to a person who watches. */
const quiet = new Set(['agent.started', 'agent.stopped'])
/** Fields that the line shows already, or that the lines after it will. */
const plain = new Set(['level', 'time', 'pod', 'event', 'msg', 'actions', 'actionCount'])

type Fields = Readonly<Record<string, unknown>>

/** One thing that an agent tells; the doing is kept apart, so that many can become one line. */
export type Told = { readonly text: string; readonly done: boolean }

function describeFields(fields: Fields): string {
  return Object.entries(fields)
    .filter(([name, value]) => !plain.has(name) && value !== null && value !== '')
    .map(([name, value]) => {
      if (name === 'because' || name === 'action') return String(value)
      return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`
    })
    .join(', ')
}

function textOf(fields: Fields): string {
  switch (fields['event']) {
    case 'plan.changed':
      return `${String(fields['phase'])}: ${String(fields['because'])}`
    case 'pod.planChanged':
      return `its own pod: ${String(fields['phase'])}: ${String(fields['because'])}`
    default: {
      const more = describeFields(fields)
      return `${String(fields['msg'])}${more && `: ${more}`}`
    }
  }
}

/** A pod's own plan is news only when it acts: what it waits for is the coordinator's to tell. */
const isNews = (fields: Fields): boolean =>
  fields['level'] !== 'debug' &&
  fields['level'] !== 'trace' &&
  !quiet.has(String(fields['event'])) &&
  !String(fields['because']).startsWith('KUBERNETES is off') &&
  !(fields['event'] === 'pod.planChanged' && fields['actionCount'] === 0)

/** A line of an agent's log as a person reads it; null for what is no news. */
export function storyLine(line: string): Told | null {
  if (line.trim() === '') return null
  try {
    const fields = JSON.parse(line) as Fields
    if (!isNews(fields)) return null
    if (fields['event'] !== 'action.done') return { text: textOf(fields), done: false }
    return { text: String(fields['action']), done: true }
  } catch {
    return { text: line, done: false }
  }
}

/** Lines as told, with what was done one after the other in one line: `did 30 x CLUSTER MEET`. */
export function storyLines(lines: readonly string[]): string[] {
  const told: string[] = []
  let done: string[] = []
  const flush = () => {
    if (done.length > 0) told.push(`did ${summary(done)}`)
    done = []
  }
  for (const line of lines) {
    const one = storyLine(line)
    if (!one) continue
    if (one.done) done.push(one.text)
    else {
      flush()
      told.push(one.text)
    }
  }
  flush()
  return told
}

/** Few actions each in words, many of them by their command: the first words in capitals. */
function summary(actions: readonly string[]): string {
  if (actions.length <= 3) return actions.join('; ')
  const counts = new Map<string, number>()
  for (const action of actions) {
    const command = /[A-Z]{2,}(-[A-Z]+)*( [A-Z]{2,}(-[A-Z]+)*)*/.exec(action)?.[0] ?? action
    counts.set(command, (counts.get(command) ?? 0) + 1)
  }
  return Array.from(counts, ([command, count]) => `${count} x ${command}`).join(', ')
}
