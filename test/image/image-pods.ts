import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DnsServer } from '../../local/dns-server.ts'
import type { Docker } from './docker.ts'

const domain = 'redis-cluster.default.svc.cluster.local'
const network = 'redis-cluster-agent-test'
const folders = ['/data', '/run/redis-cluster']

/** What the manifests' securityContext and limits are for `docker run`. */
const restricted = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']

/**
 * Pods as containers of the image, each as in the manifests: init, then agent and server, with one
 * network namespace and two volumes between them, and a DNS that names them all.
 */
export class ImagePods {
  readonly #docker: Docker
  readonly #image: string
  readonly #count: number
  readonly #dns: DnsServer
  readonly #resolvConf: string
  readonly #addresses: Map<string, { readonly address: string; readonly port: number }>

  private constructor(
    docker: Docker,
    { image, count }: { readonly image: string; readonly count: number },
    names: {
      readonly dns: DnsServer
      readonly resolvConf: string
      readonly addresses: Map<string, { readonly address: string; readonly port: number }>
    },
  ) {
    this.#docker = docker
    this.#image = image
    this.#count = count
    this.#dns = names.dns
    this.#resolvConf = names.resolvConf
    this.#addresses = names.addresses
  }

  /** Starts all pods; `folder` is for the one file that they mount. */
  static async start(
    docker: Docker,
    options: { readonly image: string; readonly count: number; readonly folder: string },
  ): Promise<ImagePods> {
    await docker.run('network', 'create', network)
    const gatewayOf = '{{(index .IPAM.Config 0).Gateway}}'
    const gateway = await docker.run('network', 'inspect', network, '--format', gatewayOf)
    const addresses = new Map<string, { readonly address: string; readonly port: number }>()
    const dns = await DnsServer.listen(gateway, 0, () => ({ domain, pods: addresses }))
    const resolvConf = join(options.folder, 'resolv.conf')
    await writeFile(resolvConf, `${dns.nameserver}\n`, { mode: 0o644 })
    const pods = new ImagePods(docker, options, { dns, resolvConf, addresses })
    try {
      for (const ordinal of pods.ordinals) await pods.#startPod(ordinal)
    } catch (error) {
      await pods.stop()
      throw error
    }
    return pods
  }

  get ordinals(): number[] {
    return Array.from({ length: this.#count }, (_, ordinal) => ordinal)
  }

  addressOf(ordinal: number): string {
    return this.#addresses.get(`redis-cluster-${ordinal}`)?.address ?? ''
  }

  /** What redis-cli beside the server of that pod prints. */
  redisCli(ordinal: number, ...args: string[]): Promise<string> {
    return this.#docker.run('exec', `server-${ordinal}`, 'redis-cli', ...args)
  }

  /** Runs the server container's preStop hook. */
  preStop(ordinal: number): Promise<string> {
    return this.#docker.run('exec', `server-${ordinal}`, 'sh', '/run/redis-cluster/pre-stop.sh')
  }

  /** Runs `agent ...args` in the agent's container. */
  agent(ordinal: number, ...args: string[]): Promise<string> {
    return this.#docker.run('exec', `agent-${ordinal}`, 'agent', ...args)
  }

  /** Ends a container as a kubelet does, and gives its exit code. */
  async end(container: string): Promise<number> {
    await this.#docker.run('stop', '--time', '30', container)
    return Number(await this.#docker.run('inspect', container, '--format', '{{.State.ExitCode}}'))
  }

  async logs(container: string): Promise<string> {
    const { out, err } = await this.#docker.attempt('logs', '--tail', '15', container)
    return out + err
  }

  async stop(): Promise<void> {
    const names = this.ordinals.flatMap(n => [`server-${n}`, `agent-${n}`, `pod-${n}`])
    await this.#docker.attempt('rm', '--force', ...names)
    await this.#docker.attempt('network', 'rm', network)
    const volumes = this.ordinals.flatMap(n => folders.map((_, index) => `volume-${n}-${index}`))
    await this.#docker.attempt('volume', 'rm', '--force', ...volumes)
    await this.#dns.close()
  }

  async #startPod(ordinal: number): Promise<void> {
    const pod = `pod-${ordinal}`
    const docker = this.#docker
    const start = (name: string, ...args: string[]): Promise<string> =>
      docker.run('run', '--detach', '--name', name, ...args)
    // Holds the address, as the pause container of a pod does.
    await start(pod, '--init', `--network=${network}`, this.#image, 'sleep', 'infinity')
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
    const address = await docker.run('inspect', pod, '--format', format)
    const volumes = folders.map((path, index) => `--volume=volume-${ordinal}-${index}:${path}`)
    const env = Object.entries({
      POD_NAME: `redis-cluster-${ordinal}`,
      POD_NAMESPACE: 'default',
      POD_IP: address,
      PODS: String(this.#count),
      KUBERNETES: 'off',
      RESOLV_CONF: '/etc/cluster-resolv.conf',
    }).map(([name, value]) => `--env=${name}=${value}`)
    const server = [`--network=container:${pod}`, ...volumes, ...restricted, ...env]
    const resolv = `--volume=${this.#resolvConf}:/etc/cluster-resolv.conf:ro`
    const agent = [...server, '--memory=128m', resolv]
    await docker.run('run', '--rm', ...agent, this.#image, 'agent', 'init')
    await start(`agent-${ordinal}`, ...agent, this.#image, 'agent', 'run')
    const script = ['sh', '/run/redis-cluster/server.sh']
    await start(`server-${ordinal}`, ...server, this.#image, ...script)
    this.#addresses.set(`redis-cluster-${ordinal}`, { address, port: 6379 })
  }
}
