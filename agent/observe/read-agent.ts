import { request } from 'node:http'
import type { Agent as HttpAgent, IncomingMessage } from 'node:http'
import type { AgentView } from '../cluster/view.ts'
import { messageOf } from '../errors.ts'
import { parseAgentFacts } from './agent-facts.ts'
import { withinMs } from './time-box.ts'

export type AgentQuestion = {
  readonly address: string
  readonly port: number
  /** Full name of the pod that was looked up: only its own agent counts as the answer. */
  readonly hostname: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Keeps connections between cycles; without it each question makes its own. */
  readonly http?: HttpAgent
}

/** `other`: an agent answered, and it is another pod's. The address has a new owner. */
export type AgentAnswer = AgentView | { readonly state: 'other'; readonly because: string }

/** What the agent of a pod says about the pod; whatever else answers there is silence. */
export async function readAgent(question: AgentQuestion): Promise<AgentView> {
  const answer = await askAgent(question)
  return answer.state === 'other' ? { state: 'silent', because: answer.because } : answer
}

/** As readAgent, and tells an agent of another pod from none. Never throws. */
export async function askAgent(question: AgentQuestion): Promise<AgentAnswer> {
  const { address, port, hostname, timeoutMs, signal } = question
  const where = `${address} port ${port}`
  try {
    const body = await withinMs(timeoutMs, signal, box => getStatus(question, box))
    const facts = parseAgentFacts(body)
    if (!facts) return { state: 'silent', because: `${where} answers, and not as an agent does` }
    if (facts.hostname === hostname) return { state: 'answered', facts }
    return { state: 'other', because: `${where} answers as ${facts.hostname}` }
  } catch (error) {
    const because = messageOf(error)
    return { state: 'silent', because: `${where} does not answer: ${because}` }
  }
}

/** Far more than a status is; a stranger at the address must not fill the memory. */
const maxBytes = 4 * 1024 * 1024

// node:http and not fetch: that needs WebAssembly, which node --lite-mode does not have.
function getStatus(question: AgentQuestion, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: question.address,
      port: question.port,
      path: '/status?agent',
      headers: { accept: 'application/json' },
      ...(question.http === undefined ? { agent: false } : { agent: question.http }),
    })
    const giveUp = (): void => void outgoing.destroy(asError(signal.reason))
    signal.addEventListener('abort', giveUp, { once: true })
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', giveUp)
      act()
    }
    outgoing.on('error', error => {
      // The other end may close a kept connection just as it is used again: ask once more.
      const again = outgoing.reusedSocket && !signal.aborted
      settle(() => {
        if (again) getStatus(question, signal).then(resolve, reject)
        else reject(error)
      })
    })
    outgoing.on('response', response => {
      readBody(response).then(
        body => settle(() => resolve(body)),
        error => settle(() => reject(signal.aborted ? asError(signal.reason) : asError(error))),
      )
    })
    outgoing.end()
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`)
  return Buffer.concat(chunks).toString('utf8')
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason))
