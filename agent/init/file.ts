import { chmod, readFile, rename, writeFile } from 'node:fs/promises'

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** Whether the error says that the file is not there. */
export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT'

/** What the system said, without the path: `EACCES`. */
export const reasonOf = (error: unknown): string =>
  String(codeOf(error) ?? (error instanceof Error ? error.message : error))

/** The text of a file; null if there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Writes a file so that a reader sees the old text or the new one, never a half. */
export async function writeAtomically(path: string, text: string, mode = 0o644): Promise<void> {
  const fresh = `${path}.new`
  await writeFile(fresh, text, { mode })
  // The mode above counts only for a file that is created, and then less the umask.
  await chmod(fresh, mode)
  await rename(fresh, path)
}
