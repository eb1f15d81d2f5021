import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { agentOfImage } from '../../local/agent-command.ts'
import { LocalCluster } from '../../local/cluster.ts'
import type { ClusterOptions } from '../../local/options.ts'
import type { ClusterStatus } from '../../local/status.ts'
import { temporaryFolder } from './folder.ts'
import { serverPath, type ServerName } from './servers.ts'
import { untilIs } from './until.ts'

/** The longest that one test with a cluster may take. */
const TEST_TIMEOUT_MS = 300_000
const TAIL_LINES = 40

export type TestClusterOptions = Partial<Omit<ClusterOptions, 'server'>> & {
  readonly server: ServerName
  /** Only prepares it: the test starts its pods. */
  readonly start?: boolean
}

function tailOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  } catch {
    return '(no log)'
  }
}

/**
 * A cluster for one test, with the bundled agent on the image's Node. It ends with the test; if the
 * test failed, the last lines that its agents and servers logged go to standard error.
 */
export async function startCluster(
  t: Test,
  { server, start = true, ...wish }: TestClusterOptions,
): Promise<LocalCluster> {
  t.setTimeout(TEST_TIMEOUT_MS)
  const story: string[] = []
  const startedMs = performance.now()
  const dir = wish.dir ?? temporaryFolder(t)
  const cluster = await LocalCluster.create({
    agent: await agentOfImage(),
    graceMs: 60_000,
    ...wish,
    dir,
    server: serverPath(server),
    tell: line => {
      story.push(`${((performance.now() - startedMs) / 1000).toFixed(2)} s ${line}`)
      wish.tell?.(line)
    },
  })
  const names = new Set<string>()
  // Runs before the folder is removed: tap tears down in the reverse order.
  t.teardown(async () => {
    for (const pod of cluster.pods) names.add(pod.name)
    await cluster.stop(0)
    if (t.passing()) return
    console.error(`what happened on ${server}:\n${story.join('\n')}`)
    for (const name of names)
      for (const container of ['init', 'agent', 'server'])
        console.error(
          `==> ${name}.${container} <==\n${tailOf(join(cluster.folders.logs, `${name}.${container}.log`))}`,
        )
  })
  if (start) cluster.start()
  return cluster
}

/** Waits until every pod is ready, every server says ok and every replica is linked. */
export function clusterIsHealthy(
  cluster: LocalCluster,
  deadlineMs = 60_000,
): Promise<ClusterStatus> {
  return untilIs(
    () => cluster.status(),
    ({ state }) => state === 'ok',
    { what: 'the cluster is healthy', deadlineMs, everyMs: 200 },
  )
}
