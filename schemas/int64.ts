import type { Buffer } from 'node:buffer'
import type { ByteWriter } from './bytes.ts'
import { DecodeError, EncodeError } from './serde.ts'

// Integers of 64 bits as numbers: big-endian, within the safe integers.

export function writeInt64(value: number, out: ByteWriter): void {
  if (!Number.isSafeInteger(value)) throw new EncodeError(`${String(value)} is no safe integer (up to 2^53 - 1).`)
  out.i64(value)
}

export function readInt64(bytes: Buffer, at: number): number {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  const low = (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!
  const value = high * 4294967296 + (low >>> 0)
  if (!Number.isSafeInteger(value)) {
    throw new DecodeError('ERR_DECODE', `${bytes.readBigInt64BE(at)} is beyond the safe integers (2^53 - 1).`)
  }
  return value
}
