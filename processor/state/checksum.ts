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

const checksumOf = (key: Buffer, value: Buffer): number => crc32c(value, crc32c(key))
