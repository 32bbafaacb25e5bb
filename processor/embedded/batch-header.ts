import type { Buffer } from 'node:buffer'
import { at, attribute, lengthOverhead, readInt64 } from '../kafka/native/batch-format.ts'

/** What a broker reads of a record batch (format version 2), without looking at its records. */
export interface BatchHeader {
  readonly sizeBytes: number
  readonly lastOffsetDelta: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly control: boolean
}

/** Null when this is not the header of a batch of version 2. */
export function readHeader(bytes: Buffer): BatchHeader | null {
  if (bytes.length < at.records || bytes[at.magic] !== 2) return null
  const attributes = bytes.readInt16BE(at.attributes)
  return {
    sizeBytes: lengthOverhead + bytes.readInt32BE(at.batchLength),
    lastOffsetDelta: bytes.readInt32BE(at.lastOffsetDelta),
    maxTimestamp: readInt64(bytes, at.maxTimestamp),
    producerId: readInt64(bytes, at.producerId),
    producerEpoch: bytes.readInt16BE(at.producerEpoch),
    baseSequence: bytes.readInt32BE(at.baseSequence),
    transactional: (attributes & attribute.transactional) !== 0,
    control: (attributes & attribute.control) !== 0,
  }
}
