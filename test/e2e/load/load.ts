import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { kubectl } from '../kubectl.ts'
import { loadManifest } from '../manifests.ts'
import type { Figures, Verdict } from './client.ts'

/** The load client in a pod of its own, and a place to ask the cluster's pods from. */
export type Load = {
  /** From now on gaps and failures count anew. */
  readonly mark: () => Promise<Figures>
  readonly figures: () => Promise<Figures>
  /** Stops, looks for every write that was ever acknowledged, goes on. */
  readonly verify: () => Promise<Verdict>
  /** Resolves when every part of the key space has taken a write after this call. */
  readonly flows: () => Promise<void>
  /** A GET from inside the cluster: status, content type, body. */
  readonly fetch: (
    url: string,
  ) => Promise<{ readonly status: number; readonly type: string; readonly body: string }>
}

/** The client and ioredis as one script. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('client.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
    banner: {
      js: "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);",
    },
    logLevel: 'warning',
  })
  const [script] = outputFiles
  if (!script) throw new Error('esbuild wrote no script')
  return script.text
}

/** Starts the client beside a cluster and waits until it runs. */
export async function startLoad(namespace: string, image: string, script: string): Promise<Load> {
  await kubectl(['-n', namespace, 'create', '-f', '-'], { input: loadManifest(image, script) })
  const wait = ['wait', '--for=condition=Ready', 'pod/load', '--timeout=180s']
  await kubectl(['-n', namespace, ...wait], { timeoutMs: 190_000 })
  const ask = (what: string): Promise<string> => {
    const command = ['exec', 'load', '--', 'node', '/load/client.mjs', 'ask', what]
    return kubectl(['-n', namespace, ...command], { timeoutMs: 300_000 })
  }
  const json = async <T>(path: string): Promise<T> => JSON.parse(await ask(path)) as T
  const flows = async (): Promise<void> => {
    for (let attempt = 0; attempt < 120; attempt += 1) {
      const { sinceAllMs } = await json<Figures>('/figures').catch(() => ({ sinceAllMs: Infinity }))
      if (sinceAllMs < 1000) return
      await sleep(500)
    }
    throw new Error('some part of the key space takes no write after 60 s')
  }
  return {
    mark: () => json<Figures>('/mark'),
    figures: () => json<Figures>('/figures'),
    verify: () => json<Verdict>('/verify'),
    flows,
    fetch: async url => {
      const text = await ask(url)
      const [head = '', ...body] = text.split('\n')
      const [status = '', ...type] = head.split(' ')
      return { status: Number(status), type: type.join(' '), body: body.join('\n') }
    },
  }
}
