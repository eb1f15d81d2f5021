import { readFile } from 'node:fs/promises'
import { isMissing } from './file.ts'

/** The shell scripts that the server container runs from RUN_DIR. */
export type ScriptName = 'server.sh' | 'pre-stop.sh'

/** The script's text: beside the bundle in dist/, or in image/ when the sources run. */
export async function readScript(name: ScriptName): Promise<string> {
  try {
    return await readFile(new URL(name, import.meta.url), 'utf8')
  } catch (error) {
    if (!isMissing(error)) throw error
    return readFile(new URL(`../../image/${name}`, import.meta.url), 'utf8')
  }
}
