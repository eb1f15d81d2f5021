import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { seconds, type Measured } from './scenario.ts'

export type Result = {
  readonly name: string
  readonly ms: number
  /** Why it failed; null if it passed. */
  readonly because: string | null
  readonly measured: Measured
}

const figuresOf = (measured: Measured): string =>
  Object.entries(measured)
    .map(([what, value]) => `${what} ${value}`)
    .join(', ')

/** The summary that a person reads at the end. */
export function table(results: readonly Result[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const lines = results.map(({ name, ms, because, measured }) => {
    const text = because ?? figuresOf(measured)
    return `${because === null ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${seconds(ms).padStart(7)}  ${text.split('\n')[0]}`
  })
  const failed = results.filter(({ because }) => because !== null).length
  return [...lines, `${results.length - failed} passed, ${failed} failed`].join('\n')
}

const escape = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // Characters that XML does not have.
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '?')

/** The results as a junit file. */
export async function writeJunit(path: string, results: readonly Result[]): Promise<void> {
  const cases = results.map(({ name, ms, because, measured }) => {
    const failure =
      because === null
        ? ''
        : `<failure message="${escape(because.split('\n')[0] ?? '')}">${escape(because)}</failure>`
    const out = `<system-out>${escape(figuresOf(measured))}</system-out>`
    return `  <testcase classname="e2e" name="${escape(name)}" time="${(ms / 1000).toFixed(3)}">${failure}${out}</testcase>`
  })
  const failures = results.filter(({ because }) => because !== null).length
  const head = `<testsuite name="e2e" tests="${results.length}" failures="${failures}">`
  const text = ['<?xml version="1.0" encoding="UTF-8"?>', head, ...cases, '</testsuite>', '']
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text.join('\n'))
}
