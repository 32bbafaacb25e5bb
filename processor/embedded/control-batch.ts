import { Buffer } from 'node:buffer'
import { at, attribute, lengthOverhead, writeInt64 } from '../kafka/native/batch-format.ts'
import { crc32c } from '../kafka/native/crc.ts'

export interface Marker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  readonly timestamp: number
}

// One record: length, attributes, two deltas, key (version, type: 0 aborts, 1 commits), value (version, coordinator epoch).
const record = Buffer.from([32, 0, 0, 0, 8, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0])
const typeAt = 8

/** The batch with which the coordinator ends a transaction in a partition (KIP-98). */
export function controlBatch({ producerId, producerEpoch, committed, timestamp }: Marker): Buffer {
  const bytes = Buffer.alloc(at.records + record.length)
  record.copy(bytes, at.records)
  bytes[at.records + typeAt] = committed ? 1 : 0
  bytes[at.magic] = 2
  bytes.writeInt16BE(attribute.transactional | attribute.control, at.attributes)
  writeInt64(bytes, timestamp, at.baseTimestamp)
  writeInt64(bytes, timestamp, at.maxTimestamp)
  writeInt64(bytes, producerId, at.producerId)
  bytes.writeInt16BE(producerEpoch, at.producerEpoch)
  bytes.writeInt32BE(-1, at.baseSequence)
  bytes.writeInt32BE(1, at.count)
  seal(bytes)
  return bytes
}

/** Writes the length and the checksum, which covers everything behind itself. */
export function seal(bytes: Buffer): void {
  bytes.writeInt32BE(bytes.length - lengthOverhead, at.batchLength)
  bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc)
}
