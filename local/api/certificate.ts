import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate authority made just now, and a server's certificate that it has signed; PEM. */
export type Certificates = { readonly ca: string; readonly key: string; readonly cert: string }

/** DER: tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128
      ? [length]
      : length < 256
        ? [0x81, length]
        : [0x82, Math.floor(length / 256), length % 256]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts)
const octets = (content: Buffer): Buffer => der(0x04, content)
const bits = (content: Buffer, unused = 0): Buffer => der(0x03, Buffer.from([unused]), content)
const yes = Buffer.from([0x01, 0x01, 0xff])

/** Object identifier; every number after the second may take several bytes of seven bits. */
function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = rest.flatMap(number => {
    const digits = [number % 128]
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift(128 + (left % 128))
    return digits
  })
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]))
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))

const nameOf = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(commonName)))))

/** UTCTime */
const time = (atMs: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(atMs).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`))

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value))

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const words = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const missing = 8 - words(head).length - words(tail ?? '').length
  const all = [
    ...words(head),
    ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'),
    ...words(tail ?? ''),
  ]
  return Buffer.from(all.map(word => word.padStart(4, '0')).join(''), 'hex')
}

/** Subject alternative name: an address as bytes, anything else as a DNS name. */
const alternativeName = (name: string): Buffer =>
  isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name))

type Signing = { readonly issuer: string; readonly key: KeyObject }

/** An X.509 version 3 certificate (RFC 5280), signed with ECDSA. */
function certificate(subject: string, key: KeyObject, by: Signing, extensions: Buffer[]): string {
  const dayMs = 86_400_000
  const toBeSigned = sequence(
    der(0xa0, Buffer.from([0x02, 0x01, 0x02])),
    // A serial number is positive: its first byte stays below 0x80, and above 0 to need no trimming.
    der(0x02, Buffer.concat([Buffer.from([0x4b]), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(by.issuer),
    sequence(time(Date.now() - dayMs), time(Date.now() + 3650 * dayMs)),
    nameOf(subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = bits(sign('sha256', toBeSigned, by.key))
  const lines = sequence(toBeSigned, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g)
  return `-----BEGIN CERTIFICATE-----\n${(lines ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
}

const newKey = (): KeyObject =>
  createPrivateKey(
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey,
  )

/**
 * A new certificate authority, as kube-root-ca.crt is one, and a certificate for a server that
 * listens on these addresses and names. Written out here because a machine need not have openssl.
 */
export function createCertificates(names: readonly string[]): Certificates {
  const issuer = 'kubernetes'
  const caKey = newKey()
  const ca = certificate(issuer, caKey, { issuer, key: caKey }, [
    extension('2.5.29.19', true, sequence(yes)),
    // keyCertSign, the sixth of the key usage bits.
    extension('2.5.29.15', true, bits(Buffer.from([0x04]), 2)),
  ])
  const key = newKey()
  const cert = certificate('kube-apiserver', key, { issuer, key: caKey }, [
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', false, sequence(...names.map(alternativeName))),
  ])
  return { ca, cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
