const AUX = 0xfa
const FUNCTION = 0xf5
const END = 0xff

/** Where the string ends that starts at `at`; null if that cannot be told. */
function stringEnd(bytes: Uint8Array, at: number): number | null {
  const first = bytes[at]
  if (first === undefined) return null
  if (first < 0x40) return at + 1 + first
  if (first < 0x80) return at + 2 + (((first & 0x3f) << 8) | (bytes[at + 1] ?? 0))
  if (first === 0x80 && at + 5 <= bytes.length)
    return at + 5 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1)
  // An integer of 8, 16 or 32 bits as text. Compressed strings (0xc3) do not stand in auxiliary fields.
  return first === 0xc0 ? at + 2 : first === 0xc1 ? at + 3 : first === 0xc2 ? at + 5 : null
}

/**
 * Whether an RDB file, from its first bytes, holds keys: after auxiliary fields and functions either
 * the end follows or data. What cannot be read counts as keys: a file that may hold data is never
 * taken for an empty one. Format: rdb.h (REDISnnnn; VALKEYnnn from Valkey 9).
 */
export function rdbHoldsKeys(bytes: Uint8Array): boolean {
  if (!/^(REDIS\d{4}|VALKEY\d{3})$/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 9))))
    return true
  let at: number | null = 9
  while (at !== null) {
    const opcode: number | undefined = bytes[at]
    if (opcode === END) return false
    if (opcode !== AUX && opcode !== FUNCTION) return true
    const first = stringEnd(bytes, at + 1)
    at = first !== null && opcode === AUX ? stringEnd(bytes, first) : first
  }
  return true
}
