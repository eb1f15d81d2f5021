import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))

void t.test('every link of the documents leads to a file', async t => {
  const documents = ['README.md', 'CHANGELOG.md', ...globSync('docs/*.md', { cwd: root })]
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      t.ok(existsSync(join(root, dirname(document), target)), `${document} -> ${target}`)
  }
})

void t.test('every row of the failure modes names a test', async t => {
  const text = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8')
  const rows = text.split('\n').filter(line => /^\| (?!failure|---)/.test(line))
  t.ok(rows.length > 20, `${rows.length} rows`)
  for (const row of rows) t.match(row, /\.test\.ts\)/, row.split('|')[1]?.trim() ?? '')
})
