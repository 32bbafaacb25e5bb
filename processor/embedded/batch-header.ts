import type { Buffer } from 'node:buffer'
import { at, lengthOverhead } from '../kafka/native/batch-format.ts'
import { batchHeader, type BatchHeader } from '../kafka/native/batch-inspect.ts'

/** The header of the batch that a client sent; null when this is none, or not of version 2. */
export function sentHeader(bytes: Buffer): BatchHeader | null {
  if (bytes.length < at.records || bytes[at.magic] !== 2) return null
  return batchHeader(bytes, 0, lengthOverhead + bytes.readInt32BE(at.batchLength))
}

export const sizeBytesOf = ({ start, end }: BatchHeader): number => end - start
