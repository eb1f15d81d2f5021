import { constants } from 'node:fs'
import { copyFile, lstat, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isMissing } from '../init/file.ts'

async function sync(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The file is either the old one or the new one, also after a power cut; its mode stays. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const mode = await lstat(path).then(
    found => found.mode & 0o777,
    () => 0o644,
  )
  const fresh = `${path}.gate`
  const handle = await open(fresh, 'w', mode)
  try {
    await handle.writeFile(text)
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, path)
  await sync(dirname(path))
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    error => {
      if (isMissing(error)) return false
      throw error
    },
  )

/** A name that nothing has yet: `nodes.conf.corrupt-20261127T110812Z`. */
async function freeName(path: string, why: string): Promise<string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const name = `${path}.${why}-${time}`
  for (let n = 0; ; n++) {
    const candidate = n === 0 ? name : `${name}.${n}`
    if (!(await exists(candidate))) return candidate
  }
}

/** Renames a file or folder, never over another; null if it is not there. */
export async function renameAside(path: string, why: string): Promise<string | null> {
  if (!(await exists(path))) return null
  const aside = await freeName(path, why)
  await rename(path, aside)
  await sync(dirname(path))
  return aside
}

/** Keeps a copy of a file that is about to be replaced, so that there is a file at any moment. */
export async function copyAside(path: string, why: string): Promise<string> {
  const aside = await freeName(path, why)
  await copyFile(path, aside, constants.COPYFILE_EXCL)
  await sync(aside)
  return aside
}
