import { randomBytes } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCertificates, type Certificates } from './certificate.ts'

export type Identity = {
  readonly token: () => string
  readonly rotateToken: () => void
  readonly certificates: () => Certificates
  readonly renew: (address: string) => void
  readonly write: (directory: string) => void
}

/** Token and CA, and the directories that are mounted with them. */
export function createIdentity(namespace: string): Identity {
  const directories = new Set<string>()
  let token = randomBytes(24).toString('base64url')
  let certificates = createCertificates(['127.0.0.1'])
  const write = (directory: string): void => {
    mkdirSync(directory, { recursive: true })
    const files = { token, 'ca.crt': certificates.ca, namespace }
    for (const [name, content] of Object.entries(files)) {
      // Never half a file: kubelet swaps whole directories.
      writeFileSync(join(directory, `.${name}`), content, { mode: 0o600 })
      renameSync(join(directory, `.${name}`), join(directory, name))
    }
  }
  const writeAll = (): void => directories.forEach(write)
  return {
    token: () => token,
    certificates: () => certificates,
    rotateToken: () => {
      token = randomBytes(24).toString('base64url')
      writeAll()
    },
    renew: address => {
      certificates = createCertificates([address, 'kubernetes.default.svc'])
      writeAll()
    },
    write: directory => {
      directories.add(directory)
      write(directory)
    },
  }
}
