import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Addresses .1 to .250 are for pods, .253 is the DNS server, .254 the API. */
const LAST_POD = 250

/** The addresses of one cluster: a /24 of the loopback network. */
export class Network {
  /** `127.20.30` */
  readonly prefix: string
  #next = 1
  readonly #used = new Set<string>()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  get dnsAddress(): string {
    return `${this.prefix}.253`
  }

  get apiAddress(): string {
    return `${this.prefix}.254`
  }

  /** An address that no living pod has, and that none had for as long as possible. */
  take(): string {
    for (let tries = 0; tries < LAST_POD; tries++) {
      const address = `${this.prefix}.${this.#next}`
      this.#next = (this.#next % LAST_POD) + 1
      if (!this.#used.has(address)) {
        this.#used.add(address)
        return address
      }
    }
    throw new Error(`no address is left in ${this.prefix}.0/24: at most ${LAST_POD} pods`)
  }

  /** Takes this address, one that another pod had. */
  takeAgain(address: string): string {
    this.#used.add(address)
    return address
  }

  release(address: string): void {
    this.#used.delete(address)
  }
}

/** Why nothing can listen there, or null if something can. */
function refusal(host: string, port: number): Promise<string | null> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

/**
 * A /24 of the loopback network in which nothing listens on the ports and that `claim` gets: two
 * clusters that start at the same moment must not both take it.
 */
export async function chooseNetwork<T>(
  ports: readonly number[],
  claim: (network: Network) => Promise<T>,
): Promise<{ network: Network; claimed: T }> {
  let why = ''
  for (let tries = 0; tries < 50; tries++) {
    const network = new Network(`127.${randomInt(1, 255)}.${randomInt(0, 256)}`)
    const refusals = await Promise.all(
      ports.map(async port => {
        const code = await refusal(`${network.prefix}.1`, port)
        return code && `${code} on ${network.prefix}.1:${port}`
      }),
    )
    const refused = refusals.find(Boolean)
    if (refused) {
      why = refused
      continue
    }
    try {
      return { network, claimed: await claim(network) }
    } catch (error) {
      why = (error as Error).message
    }
  }
  throw new Error(
    `no free 127.x.y.0/24 was found (${why}): does something listen on 0.0.0.0 at one of the ports ${ports.join(', ')}?`,
  )
}
