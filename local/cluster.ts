import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StandInApi } from './api/stand-in.ts'
import { REVISION, startControlPlane, type ControlPlane } from './control-plane.ts'
import { DnsServer } from './dns-server.ts'
import { foldersOf, type Folders } from './folders.ts'
import { chooseNetwork, type Network } from './network.ts'
import { withDefaults, type ClusterOptions, type ClusterWish } from './options.ts'
import { HTTP_PORT, Pod, REDIS_PORT } from './pod.ts'
import type { Environment } from './process.ts'
import { withServer } from './redis-call.ts'
import { readStatus, type ClusterStatus } from './status.ts'

const SERVICE = 'redis-cluster'
const NAMESPACE = 'default'
/** Whoever listens here owns the /24: port 53 would need root. */
const DNS_PORT = 9053

export type DeleteOptions = {
  /** SIGKILL to all of the pod, no hook. */
  readonly force?: boolean
  /** The volume is lost as well. */
  readonly wipe?: boolean
  /** Overrides the pods' grace period. */
  readonly graceMs?: number
}

/**
 * A StatefulSet, its kubelets, its volumes, its DNS and the API on one machine. Pods are named by ordinal or
 * by name. Nothing outlives `stop()` but volumes and logs.
 */
export class LocalCluster {
  readonly options: ClusterOptions
  readonly folders: Folders
  readonly network: Network
  readonly dns: DnsServer
  readonly #control: ControlPlane | null
  readonly #namespace: string
  /** spec.replicas */
  #replicas: number
  readonly #pods: Map<string, Pod>
  #incarnations = 0
  #stopped = false

  private constructor(
    options: ClusterOptions,
    network: Network,
    dns: DnsServer,
    pods: Map<string, Pod>,
    control: ControlPlane | null,
  ) {
    this.options = options
    this.folders = foldersOf(options.dir)
    this.network = network
    this.dns = dns
    this.#pods = pods
    this.#control = control
    this.#replicas = options.pods
    this.#namespace = namespaceOf(options.env)
    mkdirSync(this.folders.logs, { recursive: true })
    mkdirSync(this.folders.run, { recursive: true })
    writeFileSync(
      this.folders.resolvConf,
      `search ${this.#namespace}.svc.cluster.local svc.cluster.local cluster.local\n${dns.nameserver}\noptions ndots:5\n`,
    )
  }

  /** Takes free addresses and starts DNS and the API; no pod yet. */
  static async create(wish: ClusterWish): Promise<LocalCluster> {
    const pods = new Map<string, Pod>()
    const domain = `${SERVICE}.${namespaceOf(wish.env)}.svc.cluster.local`
    const zone = () => ({
      domain,
      pods: new Map([...pods].map(([name, { address }]) => [name, { address, port: REDIS_PORT }])),
    })
    const { network, claimed } = await chooseNetwork(
      [REDIS_PORT, REDIS_PORT + 10000, HTTP_PORT],
      network => DnsServer.listen(network.dnsAddress, DNS_PORT, zone),
    )
    const options = withDefaults(wish)
    const control =
      options.kubernetes === 'off'
        ? null
        : await startControlPlane({
            address: network.apiAddress,
            namespace: namespaceOf(options.env),
            statefulSet: SERVICE,
            replicas: options.pods,
            dir: foldersOf(options.dir).dir,
          })
    return new LocalCluster(options, network, claimed, pods, control)
  }

  /**
   * The stand-in for the Kubernetes API.
   * @throws where the agents do without.
   */
  get api(): StandInApi {
    if (!this.#control) throw new Error('this cluster has no API: KUBERNETES is off')
    return this.#control.api
  }

  get replicas(): number {
    return this.#replicas
  }

  /** The pods that exist now, by ordinal. */
  get pods(): readonly Pod[] {
    return Array.from(this.#pods.values()).sort((a, b) => ordinalOf(a.name) - ordinalOf(b.name))
  }

  /**
   * The pod of that ordinal or name.
   * @throws if there is none, with the names that there are.
   */
  pod(which: number | string): Pod {
    const pod = this.#pods.get(nameOf(which))
    if (!pod)
      throw new Error(
        `there is no pod ${which}; there are: ${this.pods.map(({ name }) => name).join(', ')}`,
      )
    return pod
  }

  /** Creates every pod that should be there and is not. */
  start(): void {
    for (let ordinal = 0; ordinal < this.#replicas; ordinal++) this.startPod(ordinal)
  }

  /**
   * Creates the pod unless it is there; with a new address unless one is given. `env` is this pod's
   * alone, as if its template had been edited by mistake.
   */
  startPod(which: number | string, address?: string, env: Environment = {}): void {
    const name = nameOf(which)
    if (this.#stopped || this.#pods.has(name)) return
    const { options, folders, network } = this
    const pod: Pod = new Pod({
      name,
      address: address === undefined ? network.take() : network.takeAgain(address),
      agent: options.agent,
      redisConf: options.redisConf,
      runDir: join(folders.run, `${ordinalOf(name)}.${this.#incarnations++}`),
      dataDir: folders.volume(name),
      logs: folders.logs,
      tell: options.tell,
      onReady: ready => this.#control?.becameReady(pod, ready),
      env: {
        POD_NAMESPACE: this.#namespace,
        NODE_NAME: `node-${ordinalOf(name) % options.nodes}`,
        SERVICE_NAME: SERVICE,
        RESOLV_CONF: folders.resolvConf,
        SERVER: options.server,
        PODS: String(this.#replicas),
        REPLICAS_PER_MASTER: String(options.replicasPerMaster),
        POD_REVISION: REVISION,
        KUBERNETES: 'off',
        ...this.#control?.env,
        ...options.env,
        ...env,
      },
    })
    this.#pods.set(name, pod)
    this.#control?.created(pod)
    pod.start()
  }

  /** Ends the pod; nobody creates it again until `startPod` or `start`. */
  async endPod(which: number | string, options: DeleteOptions = {}): Promise<void> {
    const pod = this.pod(which)
    this.options.tell(`${pod.name}: is ${options.force ? 'killed with all it holds' : 'ending'}`)
    const graceMs = options.graceMs ?? this.options.graceMs
    if (!options.force) this.#control?.terminates(pod, graceMs)
    await (options.force ? pod.kill() : pod.end(graceMs))
    if (this.#pods.get(pod.name) === pod) {
      this.#pods.delete(pod.name)
      this.#control?.ended(pod)
    }
    this.network.release(pod.address)
    if (options.wipe) rmSync(this.folders.volume(pod.name), { recursive: true, force: true })
  }

  /** Ends the pods side by side; each is created again, as a StatefulSet does, once it ended. */
  async delete(which: readonly (number | string)[], options: DeleteOptions = {}): Promise<void> {
    await Promise.all(
      which.map(async one => {
        await this.endPod(one, options)
        if (ordinalOf(nameOf(one)) < this.#replicas) this.startPod(one)
      }),
    )
  }

  /** Deletes all pods at once; with `permute` each gets the address that another one had. */
  async restartAll(options: DeleteOptions & { readonly permute?: boolean } = {}): Promise<void> {
    const pods = this.pods
    if (!options.permute)
      return this.delete(
        pods.map(({ name }) => name),
        options,
      )
    await Promise.all(pods.map(({ name }) => this.endPod(name, options)))
    for (const [i, { name }] of pods.entries())
      this.startPod(name, pods[(i + 1) % pods.length]?.address)
  }

  /** `kubectl scale`: surplus pods end all at once, their volumes stay. */
  async scale(replicas: number): Promise<void> {
    this.#replicas = replicas
    this.#control?.api.scale(replicas)
    const surplus = this.pods.filter(({ name }) => ordinalOf(name) >= replicas)
    this.start()
    await Promise.all(surplus.map(({ name }) => this.endPod(name)))
  }

  /** SIGKILL, or that signal, to all of a container; it is started again if it ends. */
  kill(
    which: number | string,
    container: 'server' | 'agent',
    signal: NodeJS.Signals = 'SIGKILL',
  ): void {
    this.pod(which)[container].process?.signalGroup(signal)
  }

  status(): Promise<ClusterStatus> {
    return readStatus(this.pods, this.#replicas)
  }

  /** One command to the pod's server. */
  command(which: number | string, name: string, ...args: string[]): Promise<unknown> {
    const pod = this.pod(which)
    return withServer(pod.address, pod.env, redis => redis.call(name, ...args))
  }

  /** Ends every pod at once, without hooks, and DNS. */
  async stop(graceMs = 5000): Promise<void> {
    this.#stopped = true
    await Promise.all(this.pods.map(pod => (graceMs > 0 ? pod.shutDown(graceMs) : pod.kill())))
    this.#pods.clear()
    await this.dns.close()
    await this.#control?.api.close()
    rmSync(this.folders.run, { recursive: true, force: true })
  }
}

const namespaceOf = (env: Environment = {}): string => env['POD_NAMESPACE'] ?? NAMESPACE

const nameOf = (which: number | string): string =>
  typeof which === 'number' || /^\d+$/.test(which) ? `${SERVICE}-${which}` : which

const ordinalOf = (name: string): number => Number(/\d+$/.exec(name)?.[0])
