import { SocketAddress, isIPv4, isIPv6 } from 'node:net'

/**
 * The one spelling of an IP address that the agent compares and shows; null if it is none.
 * For IPv6 that is RFC 5952, the spelling of inet_ntop and so of the server's CLUSTER NODES.
 */
export function canonicalAddress(text: string): string | null {
  const [address = '', zone] = text.split('%', 2)
  if (isIPv4(text)) return text
  if (!isIPv6(address) || zone === '') return null
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address
  return zone === undefined ? canonical : `${canonical}%${zone}`
}

/** Sorted, each once, IPv4 before IPv6: the same set is always the same list. */
export function orderAddresses(addresses: Iterable<string>): readonly string[] {
  const rank = (address: string): string => (isIPv4(address) ? `4${address}` : `6${address}`)
  return [...new Set(addresses)].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}
