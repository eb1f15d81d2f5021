import { readFileSync } from 'node:fs'
import t from 'tap'
import { renderConfiguration } from '../../../agent/commands/write-configuration.ts'
import { readConfig, settings, type Setting } from '../../../agent/config.ts'

const rows: readonly Setting[] = settings

void t.test('docs/configuration.md is what the table of settings gives: npm run docs', async t => {
  const file = new URL('../../../docs/configuration.md', import.meta.url)
  t.equal(readFileSync(file, 'utf8'), renderConfiguration())
})

void t.test('every setting has its row, and no two have one name', async t => {
  const text = renderConfiguration()
  for (const { name } of rows) t.match(text, `| \`${name}\` | `)
  t.equal(new Set(rows.map(({ name }) => name)).size, rows.length)
})

void t.test('every default obeys its own rule when it is given as a value', async t => {
  const defaults = Object.fromEntries(
    rows.map(({ name, fallback }) => [name, fallback ?? undefined]),
  )
  const needed = { POD_NAME: 'redis-cluster-0', POD_NAMESPACE: 'default', POD_IP: '10.0.0.1' }
  t.same(readConfig({ ...defaults, ...needed }), readConfig(needed))
})
