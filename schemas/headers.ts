import { Buffer } from 'node:buffer'
import { ByteWriter } from './bytes.ts'

export interface HeaderEntry {
  readonly name: string
  readonly value: Buffer | null
}

// Headers travel as the raw block of Kafka's record format (KIP-82): a zig-zag varint count, then for each the length
// and bytes of the name, and the length (-1 for null) and bytes of the value.

/** The headers in `[start, end)`; values are copies. Of a block that ends too early it gives those that are whole. */
export function decodeHeaders(bytes: Buffer, start: number, end: number): HeaderEntry[] {
  if (end - start <= 1) return []
  let at = start
  const varint = (): number => {
    let value = 0
    for (let shift = 0; at < end; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 127) << shift
      if (byte < 128) return (value >>> 1) ^ -(value & 1)
    }
    at = end + 1
    return 0
  }
  const entries: HeaderEntry[] = []
  for (let left = varint(); left > 0; left--) {
    const nameSize = varint()
    const nameStart = at
    at += Math.max(0, nameSize)
    const valueSize = varint()
    const valueStart = at
    at += Math.max(0, valueSize)
    if (at > end) break
    const name = bytes.toString('utf8', nameStart, nameStart + nameSize)
    entries.push({ name, value: valueSize < 0 ? null : Buffer.from(bytes.subarray(valueStart, at)) })
  }
  return entries
}

export function encodeHeaders(entries: readonly HeaderEntry[]): Buffer {
  const out = new ByteWriter(128)
  out.varint(entries.length)
  for (const { name, value } of entries) {
    out.varint(Buffer.byteLength(name))
    out.text(name)
    out.varint(value === null ? -1 : value.length)
    if (value !== null) out.raw(value)
  }
  return out.copy()
}
