import { spawn } from 'node:child_process'

export type Ended = { readonly code: number; readonly out: string; readonly err: string }

/** Runs kubectl, for the context that it uses now; never throws for what kubectl says. */
export function attempt(
  args: readonly string[],
  { input = '', timeoutMs = 60_000 }: { input?: string; timeoutMs?: number } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, { timeout: timeoutMs, killSignal: 'SIGKILL' })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? -1, out, err }))
    child.stdin.on('error', () => undefined).end(input)
  })
}

/** Runs kubectl and gives what it prints. */
export async function kubectl(
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const { code, out, err } = await attempt(args, options)
  if (code !== 0)
    throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${(err || out).trim()}`)
  return out
}

/** The parts of a pod that the scenarios look at. */
export type PodObject = {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly deletionTimestamp?: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

type ContainerStatus = { readonly name: string; readonly restartCount: number }

export type EventObject = {
  readonly reason: string
  readonly message: string
  readonly type: string
  readonly involvedObject: { readonly kind: string; readonly name: string }
}

/** Objects of a kind in a namespace. */
export async function list<T>(namespace: string, ...what: readonly string[]): Promise<T[]> {
  const text = await kubectl(['-n', namespace, 'get', ...what, '-o', 'json'])
  return (JSON.parse(text) as { items: T[] }).items
}

export const isReady = (pod: PodObject): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  (pod.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')

/** How often that container of the pod was started again. */
export const restartsOf = (pod: PodObject, container: string): number =>
  [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])].find(
    ({ name }) => name === container,
  )?.restartCount ?? 0
