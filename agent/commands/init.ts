import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { AgentError } from '../errors.ts'
import { readIfThere, reasonOf, writeAtomically } from '../init/file.ts'
import { inspectData } from '../init/inspect-data.ts'
import { readScript } from '../init/script.ts'
import { renderServerConfig, type UserConfig } from '../init/server-config.ts'
import type { Log } from '../log.ts'

/** A directory that is there and that this process may write. */
async function writableDirectory(setting: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
    await access(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    const user = process.getuid?.() ?? 'of the container'
    throw new AgentError(
      'CONFIG',
      `${setting} is ${path}, which user ${user} cannot write (${reasonOf(error)}); ` +
        'allowed: a directory on a volume that the user of the pod may write (fsGroup)',
      { cause: error },
    )
  }
}

/** The text of a file that a setting names; null if the file is missing. */
async function readSetting(setting: string, path: string): Promise<string | null> {
  try {
    return await readIfThere(path)
  } catch (error) {
    throw new AgentError(
      'CONFIG',
      `${setting} is ${path}, which cannot be read (${reasonOf(error)}); allowed: a readable file`,
      { cause: error },
    )
  }
}

/** What stands in the file of a credential, without its last line's end; null without a setting. */
async function readCredential(setting: string, path: string): Promise<string | null> {
  if (path === '') return null
  const text = (await readSetting(setting, path))?.replace(/\r?\n$/, '')
  if (text === undefined || text === '')
    throw new AgentError(
      'CONFIG',
      `${setting} is ${path}, which is ${text === undefined ? 'missing' : 'empty'}; ` +
        'allowed: a file with one line',
    )
  return text
}

async function readUserConfig(config: Config): Promise<UserConfig> {
  return {
    text: (await readSetting('CONFIG_FILE', config.configFile)) ?? '',
    user: await readCredential('REDIS_USER_FILE', config.userFile),
    password: await readCredential('REDIS_PASSWORD_FILE', config.passwordFile),
  }
}

/**
 * Prepares the pod: the directories and scripts that its containers share, and the server's
 * configuration. It repairs nothing in DATA_DIR, it only says what it found: it does not run again
 * when only the server restarts, so repairs belong to the start gate.
 */
export async function init(config: Config, log: Log): Promise<void> {
  await writableDirectory('DATA_DIR', config.dataDir)
  await writableDirectory('RUN_DIR', config.runDir)
  await mkdir(join(config.runDir, 'gate'), { recursive: true })
  await mkdir(join(config.runDir, 'stop'), { recursive: true })
  for (const name of ['server.sh', 'pre-stop.sh'] as const)
    await writeAtomically(join(config.runDir, name), await readScript(name), 0o755)
  const { text, secret, ignored } = renderServerConfig(config, await readUserConfig(config))
  await writeAtomically(join(config.runDir, 'redis.conf'), text, secret ? 0o600 : 0o644)
  for (const line of ignored) log.warn('init.ignored', { file: config.configFile, ...line })
  log.info('init.done', { dataDir: config.dataDir, ...(await inspectData(config.dataDir)) })
}
