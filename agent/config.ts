import { AgentError } from './errors.ts'

type Kind =
  | { readonly kind: 'text'; readonly pattern: RegExp; readonly allowed: string }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }

/** One row of the table: `fallback: null` means that it must be given. */
export type Setting = {
  readonly name: string
  readonly fallback: string | null
  readonly meaning: string
} & Kind

const text = (pattern: RegExp, allowed: string) => ({ kind: 'text', pattern, allowed }) as const
const integer = (min: number, max: number) => ({ kind: 'integer', min, max }) as const
const choice = (...choices: string[]) => ({ kind: 'choice', choices }) as const
const label = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a DNS label')
const path = text(/^(\/\S*)?$/, 'an absolute path')
const free = text(/^.*$/s, 'any text')

/** Every setting there is. docs/configuration.md is made from this table. */
export const settings = [
  {
    name: 'POD_NAME',
    fallback: null,
    meaning: 'Name of this pod, from the downward API; ends in its ordinal.',
    ...text(/^[a-z0-9]([-a-z0-9]*)-\d{1,5}$/, "a StatefulSet pod's name, as redis-cluster-0"),
  },
  {
    name: 'POD_NAMESPACE',
    fallback: null,
    meaning: 'Namespace of this pod, from the downward API.',
    ...label,
  },
  {
    name: 'POD_IP',
    fallback: null,
    meaning: 'Address of this pod, from the downward API; the server announces it.',
    ...text(
      /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/,
      'an IPv4 or IPv6 address',
    ),
  },
  {
    name: 'POD_UID',
    fallback: '',
    meaning:
      'UID of this pod, from the downward API; tells a pod from its successor of the same name.',
    ...free,
  },
  {
    name: 'NODE_NAME',
    fallback: '',
    meaning:
      'Kubernetes node of this pod, from the downward API; replicas are kept off their master’s node.',
    ...free,
  },
  {
    name: 'ZONE',
    fallback: '',
    meaning:
      'Zone of that node, from the downward API (Kubernetes 1.35 or newer); counts before the node.',
    ...free,
  },
  {
    name: 'POD_REVISION',
    fallback: '',
    meaning: 'Label `controller-revision-hash` of this pod, from the downward API.',
    ...free,
  },
  {
    name: 'SERVICE_NAME',
    fallback: 'redis-cluster',
    meaning: 'Name of the headless Service; peers are looked up below it.',
    ...label,
  },
  {
    name: 'CLUSTER_DOMAIN',
    fallback: 'cluster.local',
    meaning: 'DNS domain of the Kubernetes cluster.',
    ...text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a DNS domain'),
  },
  {
    name: 'RESOLV_CONF',
    fallback: '/etc/resolv.conf',
    meaning: 'Where the DNS servers stand. An entry may carry a port: `nameserver 10.0.0.1:5353`.',
    ...path,
  },
  {
    name: 'REDIS_PORT',
    fallback: '6379',
    meaning: 'Port of the server; the cluster bus has this port + 10000.',
    ...integer(1, 55535),
  },
  {
    name: 'HTTP_PORT',
    fallback: '9121',
    meaning: 'Port of the probes, metrics and status of the agent.',
    ...integer(1, 65535),
  },
  {
    name: 'DATA_DIR',
    fallback: '/data',
    meaning: "The server's working directory, on the pod's volume.",
    ...path,
  },
  {
    name: 'RUN_DIR',
    fallback: '/run/redis-cluster',
    meaning:
      'The emptyDir that agent and server share: scripts, configuration, start gate, socket.',
    ...path,
  },
  {
    name: 'CONFIG_FILE',
    fallback: '/etc/redis-cluster/redis.conf',
    meaning: 'redis.conf from the ConfigMap; a missing file means the defaults alone.',
    ...path,
  },
  {
    name: 'SERVER',
    fallback: '',
    meaning:
      'Path of the server; empty: redis-server or valkey-server, whichever the container has.',
    ...path,
  },
  {
    name: 'REPLICAS_PER_MASTER',
    fallback: '1',
    meaning: 'Copies of each shard besides its master.',
    ...integer(0, 10),
  },
  {
    name: 'PODS',
    fallback: '6',
    meaning:
      'Pods to expect where there is no API; with it `spec.replicas` of the StatefulSet counts.',
    ...integer(1, 2000),
  },
  {
    name: 'NODE_TIMEOUT_MS',
    fallback: '5000',
    meaning:
      'cluster-node-timeout in milliseconds. 15000 for slow disks, CPU limits or over 100 pods.',
    ...integer(1000, 120000),
  },
  {
    name: 'REDIS_USER_FILE',
    fallback: '',
    meaning: 'File with the ACL user that the agent logs in as; empty: the default user.',
    ...path,
  },
  {
    name: 'REDIS_PASSWORD_FILE',
    fallback: '',
    meaning: 'File with the password; empty: none.',
    ...path,
  },
  {
    name: 'KUBERNETES',
    fallback: 'on',
    meaning:
      '`off`: no API; DNS alone forms and heals. Labels, events and removal of pods need the API.',
    ...choice('on', 'off'),
  },
  {
    name: 'SERVICE_ACCOUNT_DIR',
    fallback: '/var/run/secrets/kubernetes.io/serviceaccount',
    meaning: 'Where token and CA of the service account are mounted.',
    ...path,
  },
  {
    name: 'GONE_AFTER_SECONDS',
    fallback: '60',
    meaning:
      'How long a pod must be gone, by proof of the API, before its shard is taken over without a majority.',
    ...integer(10, 3600),
  },
  {
    name: 'LOG_LEVEL',
    fallback: 'info',
    meaning: 'Least level that is logged.',
    ...choice('trace', 'debug', 'info', 'warn', 'error'),
  },
] as const satisfies readonly Setting[]

type Name = (typeof settings)[number]['name']

/** All settings, checked; frozen. Durations in milliseconds unless the name says otherwise. */
export type Config = {
  readonly podName: string
  readonly ordinal: number
  /** Name of the StatefulSet: the pod's name without its ordinal. */
  readonly statefulSet: string
  readonly namespace: string
  readonly podIp: string
  readonly podUid: string
  readonly nodeName: string
  readonly zone: string
  readonly revision: string
  readonly serviceName: string
  /** `redis-cluster.default.svc.cluster.local`, what the pods' names stand below. */
  readonly serviceDomain: string
  readonly resolvConf: string
  readonly redisPort: number
  readonly httpPort: number
  readonly dataDir: string
  readonly runDir: string
  readonly configFile: string
  readonly server: string
  readonly replicasPerMaster: number
  readonly pods: number
  readonly nodeTimeoutMs: number
  readonly userFile: string
  readonly passwordFile: string
  readonly kubernetes: 'on' | 'off'
  readonly serviceAccountDir: string
  readonly goneAfterMs: number
  readonly logLevel: string
}

/** Why the value is bad, with what is allowed; null if it is good. */
function complaint(setting: Setting, value: string): string | null {
  const is = `${setting.name} is ${JSON.stringify(value)}`
  switch (setting.kind) {
    case 'text':
      return setting.pattern.test(value) ? null : `${is}; allowed: ${setting.allowed}`
    case 'choice':
      return setting.choices.includes(value)
        ? null
        : `${is}; allowed: ${setting.choices.join(', ')}`
    case 'integer': {
      const good = /^\d+$/.test(value) && +value >= setting.min && +value <= setting.max
      return good ? null : `${is}; allowed: a whole number from ${setting.min} to ${setting.max}`
    }
  }
}

/** Settings that are good each alone and contradict each other. */
function contradictions(value: (name: Name) => string): string[] {
  const found: string[] = []
  const redis = Number(value('REDIS_PORT'))
  const http = Number(value('HTTP_PORT'))
  if (http === redis || http === redis + 10000)
    found.push(
      `HTTP_PORT is ${http}, which the server needs (REDIS_PORT ${redis} and its bus port ${redis + 10000})`,
    )
  if (value('REDIS_USER_FILE') !== '' && value('REDIS_PASSWORD_FILE') === '')
    found.push('REDIS_USER_FILE is set without REDIS_PASSWORD_FILE; a user needs a password')
  return found
}

/**
 * The settings of an environment, checked all at once.
 * @throws AgentError CONFIG with one line for each bad setting: name, value, what is allowed.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const complaints: string[] = []
  const values = new Map<string, string>()
  for (const setting of settings as readonly Setting[]) {
    const value = env[setting.name] ?? setting.fallback
    if (value === null) complaints.push(`${setting.name} is missing; ${setting.meaning}`)
    else {
      const bad = complaint(setting, value)
      if (bad) complaints.push(bad)
      values.set(setting.name, value)
    }
  }
  const value = (name: Name): string => values.get(name) ?? ''
  if (complaints.length === 0) complaints.push(...contradictions(value))
  if (complaints.length > 0) throw new AgentError('CONFIG', complaints.join('\n'))
  const [, statefulSet = '', ordinal = ''] = /^(.*)-(\d+)$/.exec(value('POD_NAME')) ?? []
  return Object.freeze({
    podName: value('POD_NAME'),
    ordinal: Number(ordinal),
    statefulSet,
    namespace: value('POD_NAMESPACE'),
    podIp: value('POD_IP'),
    podUid: value('POD_UID'),
    nodeName: value('NODE_NAME'),
    zone: value('ZONE'),
    revision: value('POD_REVISION'),
    serviceName: value('SERVICE_NAME'),
    serviceDomain: `${value('SERVICE_NAME')}.${value('POD_NAMESPACE')}.svc.${value('CLUSTER_DOMAIN')}`,
    resolvConf: value('RESOLV_CONF'),
    redisPort: Number(value('REDIS_PORT')),
    httpPort: Number(value('HTTP_PORT')),
    dataDir: value('DATA_DIR'),
    runDir: value('RUN_DIR'),
    configFile: value('CONFIG_FILE'),
    server: value('SERVER'),
    replicasPerMaster: Number(value('REPLICAS_PER_MASTER')),
    pods: Number(value('PODS')),
    nodeTimeoutMs: Number(value('NODE_TIMEOUT_MS')),
    userFile: value('REDIS_USER_FILE'),
    passwordFile: value('REDIS_PASSWORD_FILE'),
    kubernetes: value('KUBERNETES') === 'on' ? 'on' : 'off',
    serviceAccountDir: value('SERVICE_ACCOUNT_DIR'),
    goneAfterMs: Number(value('GONE_AFTER_SECONDS')) * 1000,
    logLevel: value('LOG_LEVEL'),
  } satisfies Config)
}
