import { readFile } from 'node:fs/promises'
import { AgentError } from '../errors.ts'
import type { Credentials } from './pool.ts'

/** Reads the login from the two files of the settings; an empty path means that there is none. */
export const credentialsFrom =
  (files: { readonly userFile: string; readonly passwordFile: string }) =>
  async (): Promise<Credentials> => {
    const username = await firstLine(files.userFile)
    const password = await firstLine(files.passwordFile)
    return {
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
    }
  }

/** Editors and `kubectl create secret --from-file` leave a newline at the end: it is no part. */
async function firstLine(path: string): Promise<string> {
  if (path === '') return ''
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AgentError('REDIS', `the login cannot be read from ${path}`, { cause })
  }
}
