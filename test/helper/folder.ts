import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A folder of the test's own, gone when it ends. Its path is short: sockets live in it. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(process.env['TEST_DIR'] ?? tmpdir(), 'rc-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
