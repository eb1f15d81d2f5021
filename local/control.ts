import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** One verb from a second terminal. */
export type Request = { readonly verb: string; readonly args: readonly unknown[] }

type Reply = { readonly say: string } | { readonly result: unknown } | { readonly error: string }

/** Carries a verb out; `say` tells the asker what happens meanwhile. */
export type Handler = (request: Request, say: (line: string) => void) => Promise<unknown>

async function converse(socket: Socket, handle: Handler): Promise<void> {
  const reply = (message: Reply) => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
  }
  for await (const line of createInterface({ input: socket })) {
    try {
      const result = await handle(JSON.parse(line) as Request, say => reply({ say }))
      reply({ result: result ?? null })
    } catch (error) {
      reply({ error: (error as Error).message })
    }
    socket.end()
    return
  }
}

/** Listens for the verbs of other terminals; the path must be free or left by a dead process. */
export async function listenForVerbs(path: string, handle: Handler): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    void converse(socket, handle)
  })
  rmSync(path, { force: true })
  server.listen(path)
  await once(server, 'listening')
  return server
}

/** Whether a cluster listens there. */
export async function isListening(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/**
 * Sends one verb and waits for its result.
 * @throws if no cluster listens there, or with what went wrong.
 */
export async function sendVerb(
  path: string,
  request: Request,
  say: (line: string) => void,
): Promise<unknown> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch {
    throw new Error('no cluster runs here; `npm start` starts one (--dir names its folder)')
  }
  socket.write(`${JSON.stringify(request)}\n`)
  for await (const line of createInterface({ input: socket })) {
    const reply = JSON.parse(line) as Reply
    if ('say' in reply) say(reply.say)
    else if ('error' in reply) throw new Error(reply.error)
    else return reply.result
  }
  throw new Error('the cluster ended before it answered')
}
