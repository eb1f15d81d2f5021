import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A way through to another port that can be closed: a network that fails between two. */
export type TcpGate = {
  readonly port: number
  /** Cuts every connection, and takes no new one. */
  readonly close: () => void
  readonly open: () => void
}

/** Listens on the address, for as long as the test runs, and passes everything on to `port` there. */
export async function createTcpGate(t: Test, address: string, port: number): Promise<TcpGate> {
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer(incoming => {
    if (!isOpen) {
      incoming.destroy()
      return
    }
    const outgoing = connect(port, address)
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  server.listen(0, address)
  await once(server, 'listening')
  const cut = () => sockets.forEach(socket => socket.destroy())
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      isOpen = false
      cut()
    },
    open: () => {
      isOpen = true
    },
  }
}
