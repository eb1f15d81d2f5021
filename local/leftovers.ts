import { readdirSync, readFileSync } from 'node:fs'
import { send } from './process.ts'

/** Kills every process with that entry (`NAME=value`, or its beginning) in its environment. */
export function killByEnvironment(entry: string): number {
  let killed = 0
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!pid || pid === process.pid) continue
    try {
      const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      if (!entries.some(one => one.startsWith(entry))) continue
    } catch {
      // Another user's, or gone meanwhile.
      continue
    }
    send(pid, 'SIGKILL')
    killed++
  }
  return killed
}
