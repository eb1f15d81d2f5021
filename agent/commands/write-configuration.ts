import { writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { settings, type Setting } from '../config.ts'

const introduction = `# Configuration

Generated from the table in \`agent/config.ts\` by \`npm run docs\`; do not edit.

The agent reads its settings from environment variables, all at once, when it starts. A bad value, or
settings that contradict each other, end the start: every bad setting is named with its value and what
is allowed, and the exit code is 2. Settings that do not fit the number of pods end nothing; they block
what they make impossible, and the status says why.

| setting | default | allowed | meaning |
| --- | --- | --- | --- |
`

const rest = `
## Contradictions

- \`HTTP_PORT\` must be neither \`REDIS_PORT\` nor \`REDIS_PORT\` + 10000, the port of the cluster bus.
- \`REDIS_USER_FILE\` needs \`REDIS_PASSWORD_FILE\`.
`

function allowed(setting: Setting): string {
  switch (setting.kind) {
    case 'text':
      return setting.allowed
    case 'choice':
      return setting.choices.map(choice => `\`${choice}\``).join(', ')
    case 'integer':
      return `${setting.min} to ${setting.max}`
  }
}

function row(setting: Setting): string {
  const { name, fallback, meaning } = setting
  const given = fallback === null ? 'must be given' : fallback === '' ? 'empty' : `\`${fallback}\``
  const cells = [`\`${name}\``, given, allowed(setting), meaning]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** The text of docs/configuration.md. */
export const renderConfiguration = (): string =>
  `${introduction}${(settings as readonly Setting[]).map(row).join('\n')}\n${rest}`

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await writeFile(
    fileURLToPath(new URL('../../docs/configuration.md', import.meta.url)),
    renderConfiguration(),
  )
