import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { getuid } from 'node:process'
import t from 'tap'

/** Set in the process that runs inside. */
const INSIDE = 'NETWORK_OF_ITS_OWN'
const APT_TIMEOUT_MS = 120_000

/** All that a test needs of the kernel and of the machine, tried in a namespace that ends at once. */
const probe = `set -e
ip link set lo up
nft -f - <<'END'
table inet probe {
  chain input {
    type filter hook input priority 0
    ip saddr 127.1.1.1 ip daddr { 127.1.1.2 } tcp dport 1 drop
    ip saddr 127.1.1.1 numgen random mod 100 < 30 drop
  }
}
END`

/** Whoever is not root gets a user namespace as well, where the kernel allows that to everybody. */
const unshare = (): readonly [string, ...string[]] =>
  getuid?.() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net']

const runs = (command: readonly [string, ...string[]], timeout?: number) => {
  const [file, ...args] = command
  return spawnSync(file, args, { encoding: 'utf8', ...(timeout === undefined ? {} : { timeout }) })
}

const hasTools = (): boolean =>
  runs(['sh', '-c', 'command -v ip && command -v nft && command -v iptables']).status === 0

/** Installs what is missing where that can be done without asking anybody. */
function install(): void {
  if (hasTools() || getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  const apt =
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends nftables iptables iproute2'
  runs(['env', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', apt], APT_TIMEOUT_MS)
}

/** Why no network can be made and broken here; null if one can. */
function obstacle(): string | null {
  install()
  const { status, stderr, error } = runs([...unshare(), 'sh', '-c', probe])
  if (status === 0) return null
  const why = error?.message ?? stderr.trim().split('\n')[0]
  return `no network of its own to break (root, unshare, ip and nft are needed): ${why}`
}

/**
 * Runs the tests of the file in a network namespace of their own, where every 127.x.y.z is theirs
 * alone: the file runs again, inside. One skipped test says why where that cannot be done.
 */
export function inOwnNetwork(file: string, tests: () => void): void {
  if (process.env[INSIDE] === '1') {
    tests()
    return
  }
  const skip = obstacle() ?? false
  const [command, ...args] = unshare()
  if (skip !== false) void t.test('in a network of its own', { skip }, () => undefined)
  else
    void t.spawn(
      command,
      [...args, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, file],
      { env: { ...process.env, [INSIDE]: '1' }, timeout: 0 },
      'in a network of its own',
    )
}
