import { crc32c } from '@node-rs/crc32'
import { Buffer } from 'node:buffer'

/** Bytes in front of every stored value: CRC-32C over the key and the value. LevelDB does not notice bit rot. */
export const checksumBytes = 4

export function sealed(key: Buffer, value: Buffer): Buffer {
  const out = Buffer.allocUnsafe(checksumBytes + value.length)
  value.copy(out, checksumBytes)
  seal(key, out)
  return out
}

/** Writes the checksum in front of a value that is in its place. */
export function seal(key: Buffer, stored: Buffer): void {
  stored.writeUInt32BE(checksumOf(key, stored.subarray(checksumBytes)), 0)
}

/** Whether `stored` is a value that `sealed` made for `key`. */
export function intact(key: Buffer, stored: Buffer): boolean {
  return stored.length >= checksumBytes && stored.readUInt32BE(0) === checksumOf(key, stored.subarray(checksumBytes))
}

/** Up to here a call of native code costs more than the sum itself. */
const shortBytes = 256

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ 0x82f63b78
  return sum
})

/** CRC-32C (Castagnoli) of the key and the value behind it. Exported for its test. */
export function checksumOf(key: Uint8Array, value: Uint8Array): number {
  if (key.length + value.length > shortBytes) return crc32c(value, crc32c(key))
  let sum = -1
  for (let at = 0; at < key.length; at++) sum = table[(sum ^ key[at]!) & 255]! ^ (sum >>> 8)
  for (let at = 0; at < value.length; at++) sum = table[(sum ^ value[at]!) & 255]! ^ (sum >>> 8)
  return ~sum >>> 0
}
