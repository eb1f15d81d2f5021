import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv4 } from 'node:net'
import { encodeQuestion, judge } from './message.ts'
import type { Judgement, Question, Reply } from './message.ts'
import type { Server } from './resolv-conf.ts'

/** One exchange with one server. */
type Exchange = {
  readonly server: Server
  readonly question: Question
  readonly edns: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

type End = (judgement: Judgement) => void

const failed = (error: Error): Reply => {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message
  return { state: 'failed', because: `cannot be asked (${code})` }
}

/**
 * Runs `start` until it ends, time is up or the signal aborts. Whatever comes first, the timer,
 * the listener and (by the function that `start` returns) the socket are gone then.
 */
function timeBox(
  { timeoutMs, signal }: Exchange,
  timedOut: () => Reply,
  start: (end: End, ended: () => boolean) => () => void,
): Promise<Judgement> {
  return new Promise(resolve => {
    let over = false
    let close = (): void => {}
    const end: End = judgement => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      close()
      resolve(judgement)
    }
    const giveUp = (): void => end({ state: 'failed', because: 'was given up' })
    const timer = setTimeout(() => end(timedOut()), timeoutMs)
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) {
      giveUp()
      return
    }
    try {
      close = start(end, () => over)
    } catch (error) {
      end(failed(error instanceof Error ? error : new Error(String(error))))
    }
  })
}

/**
 * Asks by UDP. The socket is connected and of this question alone: the kernel drops what does not
 * come from the server asked, picks a random port, and reports a port nobody listens at.
 */
function askByUdp(exchange: Exchange): Promise<Judgement> {
  const { server, question, edns, timeoutMs } = exchange
  const id = randomInt(0x10000)
  let strangers = ''
  const timedOut = (): Reply => ({
    state: 'silent',
    because: `was silent for ${Math.round(timeoutMs)} ms${strangers}`,
  })
  return timeBox(exchange, timedOut, (end, ended) => {
    const socket = createSocket(isIPv4(server.address) ? 'udp4' : 'udp6')
    socket.on('error', error => end(failed(error)))
    socket.on('message', message => {
      const judgement = judge(message, question, id)
      if (judgement.state === 'stranger') strangers = ` (it ${judgement.because})`
      else end(judgement)
    })
    socket.on('connect', () => {
      if (ended()) return
      socket.send(encodeQuestion(question, id, edns), error => {
        if (error) end(failed(error))
      })
    })
    socket.connect(server.port, server.address)
    return () => socket.close()
  })
}

/** The same by TCP, where every message has its length in two bytes before it and may come in pieces. */
function askByTcp(exchange: Exchange): Promise<Judgement> {
  const { server, question, edns, timeoutMs } = exchange
  const id = randomInt(0x10000)
  const timedOut = (): Reply => ({
    state: 'silent',
    because: `was silent over TCP for ${Math.round(timeoutMs)} ms`,
  })
  return timeBox(exchange, timedOut, end => {
    const socket = connect({ host: server.address, port: server.port })
    let received = Buffer.alloc(0)
    socket.on('error', error => end(failed(error)))
    socket.on('close', () =>
      end({ state: 'failed', because: 'hung up before its answer was whole' }),
    )
    socket.on('connect', () => {
      const message = encodeQuestion(question, id, edns)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      socket.write(Buffer.concat([length, message]))
    })
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const whole = 2 + received.readUInt16BE(0)
      if (received.length >= whole) end(judge(received.subarray(2, whole), question, id))
    })
    return () => socket.destroy()
  })
}

/**
 * Asks one server one question: by UDP, and by TCP if the answer is too long for that; once more
 * without EDNS if the server does not understand it. `timeoutMs` holds for each exchange.
 */
export async function ask(
  server: Server,
  question: Question,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Reply> {
  const exchange = (edns: boolean): Exchange => ({ server, question, edns, timeoutMs, signal })
  let edns = true
  let judgement = await askByUdp(exchange(edns))
  if (judgement.state === 'plainWanted') {
    edns = false
    judgement = await askByUdp(exchange(edns))
  }
  if (judgement.state === 'truncated') judgement = await askByTcp(exchange(edns))
  switch (judgement.state) {
    case 'plainWanted':
      return { state: 'failed', because: 'answered that it does not understand the question' }
    case 'truncated':
      return { state: 'failed', because: 'cut its answer off over TCP too' }
    case 'stranger':
      return { state: 'failed', because: `${judgement.because} over TCP` }
    default:
      return judgement
  }
}
