import { createServer, get } from 'node:http'
import { Cluster } from 'ioredis'
import { tags, Writer, type Lost } from './writer.ts'

/** Where the client listens, for itself alone: `client.mjs ask PATH` in the same container asks it. */
const port = 8099

/** What a client saw since the last mark. */
export type Figures = {
  readonly acknowledged: number
  readonly failed: number
  /** The longest time in which some part of the key space took no write. */
  readonly longestGapMs: number
  /** Every part of the key space took a write within this time. */
  readonly sinceAllMs: number
}

/** What became of all the writes that were ever acknowledged. */
export type Verdict = {
  readonly acknowledged: number
  readonly lost: number
  /** Lost ones whose acknowledgement is not from the last second before the mark or after it. */
  readonly lostBefore: number
  readonly examples: readonly string[]
}

function connect(): Cluster {
  const cluster = new Cluster([{ host: 'redis-cluster-client', port: 6379 }], {
    clusterRetryStrategy: () => 200,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 100,
    slotsRefreshInterval: 2000,
    slotsRefreshTimeout: 2000,
    enableOfflineQueue: true,
    redisOptions: { connectTimeout: 1000, commandTimeout: 2000 },
  })
  cluster.on('error', () => undefined)
  return cluster
}

function serve(): void {
  const cluster = connect()
  const writers = tags.map(tag => new Writer(cluster, tag))
  let markedMs = performance.now()
  const figures = (): Figures => ({
    acknowledged: writers.reduce((sum, writer) => sum + writer.acknowledged, 0),
    failed: writers.reduce((sum, writer) => sum + writer.failed, 0),
    longestGapMs: Math.round(Math.max(...writers.map(writer => writer.longestGapMs()))),
    sinceAllMs: Math.round(Math.max(...writers.map(writer => writer.sinceMs()))),
  })
  const verify = async (): Promise<Verdict> => {
    for (const writer of writers) await writer.pause()
    const lost: Lost[] = []
    for (const writer of writers) lost.push(...(await writer.findLost()))
    for (const writer of writers) writer.resume()
    return {
      acknowledged: writers.reduce((sum, writer) => sum + writer.everAcknowledged, 0),
      lost: lost.length,
      lostBefore: lost.filter(({ atMs }) => atMs < markedMs - 1000).length,
      examples: lost.slice(0, 5).map(({ key, atMs }) => `${key} at ${Math.round(atMs - markedMs)}`),
    }
  }
  const mark = (): Figures => {
    markedMs = performance.now()
    for (const writer of writers) writer.mark()
    return figures()
  }
  const answers: Readonly<Record<string, () => unknown>> = { '/figures': figures, '/mark': mark }
  createServer((request, response) => {
    const answer = request.url === '/verify' ? verify : (answers[request.url ?? ''] ?? figures)
    Promise.resolve(answer()).then(
      value => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  }).listen(port, '127.0.0.1')
  for (const writer of writers) writer.resume()
}

/** Prints what the client in this container answers, or what any URL gives to a GET. */
function ask(url: string): void {
  get(url.startsWith('/') ? `http://127.0.0.1:${port}${url}` : url, response => {
    if (!url.startsWith('/'))
      console.log(`${response.statusCode} ${response.headers['content-type'] ?? ''}`)
    response.pipe(process.stdout)
    if (url.startsWith('/') && response.statusCode !== 200) process.exitCode = 1
  }).once('error', error => {
    console.error(error.message)
    process.exitCode = 1
  })
}

if (process.argv[2] === 'ask') ask(process.argv[3] ?? '/figures')
else serve()
