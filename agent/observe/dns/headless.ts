import type { DnsRecord, Question } from './message.ts'
import { lookUp } from './lookup.ts'
import type { Found, Limits } from './lookup.ts'

type AddressRecord = Extract<DnsRecord, { address: string }>
type ServiceRecord = Extract<DnsRecord, { port: number }>

const isA = (record: DnsRecord): record is AddressRecord => record.type === 'A'
const isAaaa = (record: DnsRecord): record is AddressRecord => record.type === 'AAAA'
const isSrv = (record: DnsRecord): record is ServiceRecord => record.type === 'SRV'

/**
 * Both families of an absolute name. What one family found counts although the other failed; that
 * one is absent says nothing about the other, so absent needs both.
 */
export async function lookUpAddresses(name: string, limits: Limits): Promise<Found<AddressRecord>> {
  const [four, six] = await Promise.all([
    lookUp({ name, type: 'A' }, isA, limits),
    lookUp({ name, type: 'AAAA' }, isAaaa, limits),
  ])
  const records = [four, six].flatMap(found => (found.state === 'found' ? found.records : []))
  if (records.length > 0) return { state: 'found', records }
  const because = [four, six].flatMap(found => (found.state === 'failed' ? [found.because] : []))
  return because.length > 0 ? { state: 'failed', because: because.join('; ') } : { state: 'absent' }
}

/** The SRV records of an absolute name. */
export function lookUpService(name: string, limits: Limits): Promise<Found<ServiceRecord>> {
  const question: Question = { name, type: 'SRV' }
  return lookUp(question, isSrv, limits)
}
