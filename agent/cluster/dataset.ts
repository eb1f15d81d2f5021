/**
 * What the server will find when it loads its dataset. `empty`: files without a key. `present`: keys,
 * or files of which nobody can say that they hold none.
 */
export type Dataset = 'none' | 'empty' | 'present'

/** Commands that leave no key behind, as they stand in an append-only file. */
const KEYLESS = new Set(['SELECT', 'PING', 'MULTI', 'EXEC', 'FLUSHALL', 'FLUSHDB', 'REPLCONF'])

/**
 * Whether the commands of an append-only file, from its first bytes, may leave a key. One that
 * is cut or garbled may.
 */
export function aofHoldsKeys(text: string): boolean {
  let rest = text
  while (rest !== '') {
    const note = /^#[^\r\n]*\r?\n/.exec(rest)
    if (note) {
      rest = rest.slice(note[0].length)
      continue
    }
    const command = /^\*([1-9]\d?)\r\n\$\d+\r\n([A-Za-z]+)\r\n/.exec(rest)
    if (!command || !KEYLESS.has((command[2] ?? '').toUpperCase())) return true
    const args = new RegExp(String.raw`^(?:\$\d+\r\n[^\r\n]*\r\n){${Number(command[1]) - 1}}`)
    const tail = args.exec(rest.slice(command[0].length))
    if (!tail) return true
    rest = rest.slice(command[0].length + tail[0].length)
  }
  return false
}

/** One file of an append-only dataset, as its manifest names it: `b`ase, `i`ncremental, `h`istory. */
export type AofFile = { readonly name: string; readonly type: 'b' | 'i' | 'h' }

/** The files of a manifest; null if a line is none, which the server refuses too. */
export function parseManifest(text: string): AofFile[] | null {
  const files: AofFile[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const match = /^file "?([^"/\s]+)"? seq \d+ type ([bih])\b/.exec(line)
    if (!match) return null
    files.push({ name: match[1] ?? '', type: match[2] as AofFile['type'] })
  }
  return files
}
