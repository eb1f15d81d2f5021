import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { textOf, trouble, type Answer } from './answer.ts'
import type { Fault } from './faults.ts'
import { parseRequest, type ApiRequest } from './handle.ts'
import type { Identity } from './identity.ts'

/** The part of the stand-in that listens. */
export type Front = {
  readonly listen: (address?: string) => Promise<void>
  readonly close: () => Promise<void>
  readonly env: () => { KUBERNETES_SERVICE_HOST: string; KUBERNETES_SERVICE_PORT: string }
  readonly rotateCa: () => void
  readonly requests: () => ReadonlyMap<string, number>
  readonly fault: (fault: Fault | null) => void
}

/** The listening side: TLS, connections, faults and the count of requests. */
export function createFront(
  namespace: string,
  identity: Identity,
  answer: (request: ApiRequest) => Answer,
): Front {
  const sockets = new Set<Socket>()
  const served = new WeakSet<Socket>()
  const counts = new Map<string, number>()
  let fault: Fault | null = null
  let leftTimes = Infinity
  let server: Server | null = null
  let address = '127.0.0.1'

  const cutAll = (): void => sockets.forEach(socket => socket.destroy())

  /** The answer that a fault gives instead; `none` where it gives none at all. */
  function faulty(socket: Socket): Answer | 'none' | null {
    if (fault?.type === 'hang') return 'none'
    if (fault?.type === 'stale' && served.has(socket)) {
      fault = null
      socket.destroy()
      return 'none'
    }
    if (fault?.type !== 'status') return null
    const { code, retryAfterSeconds } = fault
    leftTimes -= 1
    if (leftTimes <= 0) fault = null
    return trouble(code, retryAfterSeconds)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = 'GET', url = '/' } = request
    const parsed = parseRequest(method, url, namespace)
    const key = parsed ? `${parsed.verb} ${parsed.target.resource}` : `${method} ${url}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    const instead = faulty(request.socket)
    if (instead === 'none') return
    served.add(request.socket)
    const { status, body, headers } =
      instead ??
      answer({
        method,
        url,
        token: (request.headers.authorization ?? '').replace(/^Bearer /, ''),
        contentType: textOf(request.headers['content-type']),
        body: Buffer.concat(chunks).toString(),
      })
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that went away in the middle of its request is its own business.
    serve(request, response).catch(() => response.destroy())
  }
  const tls = (): { key: string; cert: string } => {
    const { key, cert } = identity.certificates()
    return { key, cert }
  }
  return {
    listen: async (at = '127.0.0.1') => {
      address = at
      identity.renew(address)
      const listening = createServer(tls(), onRequest)
      server = listening
      listening.on('connection', (socket: Socket) => {
        if (fault?.type === 'away') {
          socket.destroy()
          return
        }
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
        socket.on('error', () => socket.destroy())
      })
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject)
        listening.listen(0, address, resolve)
      })
    },
    close: async () => {
      const closing = server
      if (!closing) return
      const closed = new Promise(resolve => closing.close(resolve))
      cutAll()
      await closed
    },
    env: () => ({
      KUBERNETES_SERVICE_HOST: address,
      KUBERNETES_SERVICE_PORT: String((server?.address() as AddressInfo | null)?.port ?? 0),
    }),
    rotateCa: () => {
      identity.renew(address)
      server?.setSecureContext(tls())
      cutAll()
    },
    requests: () => new Map(counts),
    fault: next => {
      fault = next
      leftTimes = next?.type === 'status' ? (next.times ?? Infinity) : Infinity
      if (next?.type === 'away') cutAll()
    },
  }
}
