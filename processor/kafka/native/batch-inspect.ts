import { Buffer } from 'node:buffer'
import { at, attribute, lengthOverhead, readInt64, writeInt64 } from './batch-format.ts'
import { crc32c } from './crc.ts'
import { KafkaError } from './protocol/errors.ts'

// What can be known of record batches, and done to them, without looking at their records.

export interface BatchHeader {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
  readonly transactional: boolean
  readonly control: boolean
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: number
  readonly logAppendTime: boolean
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** The range of the whole batch in the buffer. */
  readonly start: number
  readonly end: number
}

/** For errors: the topic and partition that the bytes come from. */
export interface Source {
  readonly topic: string
  readonly partition: number
}

const leastLength = at.records - lengthOverhead

export function corrupt(message: string, offset: number, source: Source | undefined): KafkaError {
  return new KafkaError('records', 'CORRUPT_MESSAGE', message, source ? { place: { ...source, offset } } : {})
}

/**
 * Where the batch that begins at `start` ends; -1 when the buffer ends before it does: brokers cut an answer at its
 * size limit. Throws for a length that cannot be, and for the formats before version 2.
 */
export function batchEnd(records: Buffer, start: number, source?: Source): number {
  if (records.length - start < at.records) return -1
  const length = records.readInt32BE(start + at.batchLength)
  const magic = records[start + at.magic]!
  const offset = readInt64(records, start)
  if (magic !== 2) {
    const message =
      `The batch at offset ${offset} has message format ${magic}; only version 2 (Kafka 0.11 and later) can be read. ` +
      'Copy the topic with a client of Kafka 3, which writes the new format.'
    throw new KafkaError(
      'records',
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      message,
      source ? { place: { ...source, offset } } : {},
    )
  }
  if (length < leastLength) throw corrupt(`The batch at offset ${offset} has the length ${length}.`, offset, source)
  const end = start + lengthOverhead + length
  return end > records.length ? -1 : end
}

/** Compares the checksum of the batch at `[start, end)`; throws a `KafkaError` (`CORRUPT_MESSAGE`). */
export function verifyBatch(records: Buffer, start: number, end: number, source?: Source): void {
  const expected = records.readUInt32BE(start + at.crc)
  const actual = crc32c(records, start + at.attributes, end)
  if (actual === expected) return
  const offset = readInt64(records, start)
  const sums = `its checksum is ${actual.toString(16)}, not ${expected.toString(16)}`
  throw corrupt(`The record batch at offset ${offset} is damaged: ${sums}.`, offset, source)
}

export function batchHeader(records: Buffer, start: number, end: number): BatchHeader {
  const baseOffset = readInt64(records, start)
  const attributes = records.readInt16BE(start + at.attributes)
  return {
    baseOffset,
    lastOffset: baseOffset + records.readInt32BE(start + at.lastOffsetDelta),
    leaderEpoch: records.readInt32BE(start + at.leaderEpoch),
    producerId: readInt64(records, start + at.producerId),
    producerEpoch: records.readInt16BE(start + at.producerEpoch),
    baseSequence: records.readInt32BE(start + at.baseSequence),
    count: records.readInt32BE(start + at.count),
    transactional: (attributes & attribute.transactional) !== 0,
    control: (attributes & attribute.control) !== 0,
    compression: attributes & attribute.compression,
    logAppendTime: (attributes & attribute.logAppendTime) !== 0,
    baseTimestamp: readInt64(records, start + at.baseTimestamp),
    maxTimestamp: readInt64(records, start + at.maxTimestamp),
    start,
    end,
  }
}

/** The headers of all whole batches. */
export function* peekBatches(records: Buffer): Generator<BatchHeader, void, undefined> {
  for (let start = 0; ;) {
    const end = batchEnd(records, start)
    if (end < 0) return
    yield batchHeader(records, start, end)
    start = end
  }
}

/** The offset after the last whole batch; `from` when there is none. */
export function endOffset(records: Buffer, from: number): number {
  let next = from
  for (let start = 0; ;) {
    const end = batchEnd(records, start)
    if (end < 0) return next
    next = Math.max(next, readInt64(records, start) + records.readInt32BE(start + at.lastOffsetDelta) + 1)
    start = end
  }
}

/** Moves one batch to an offset, in place, as a broker does that appends it; its checksum stays right. */
export function setBaseOffset(batch: Buffer, offset: number, leaderEpoch: number): void {
  writeInt64(batch, offset, at.baseOffset)
  batch.writeInt32BE(leaderEpoch, at.leaderEpoch)
}

export interface ControlFields {
  readonly type: 'commit' | 'abort'
  readonly producerId: number
  readonly producerEpoch: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
}

/** The marker that ends a transaction in a partition (EndTransactionMarker): a control batch of one record. */
export function controlBatch(fields: ControlFields): Buffer {
  const { type, producerId, producerEpoch, timestamp, coordinatorEpoch } = fields
  // Record: length 16, attributes, timestamp delta, offset delta, key of 4 bytes, value of 6 bytes, no headers.
  const record = Buffer.from([32, 0, 0, 0, 8, 0, 0, 0, type === 'commit' ? 1 : 0, 12, 0, 0, 0, 0, 0, 0, 0])
  record.writeInt32BE(coordinatorEpoch, 12)
  const batch = Buffer.alloc(at.records + record.length)
  record.copy(batch, at.records)
  batch.writeInt32BE(batch.length - lengthOverhead, at.batchLength)
  batch.writeInt32BE(-1, at.leaderEpoch)
  batch[at.magic] = 2
  batch.writeInt16BE(attribute.transactional | attribute.control, at.attributes)
  writeInt64(batch, timestamp, at.baseTimestamp)
  writeInt64(batch, timestamp, at.maxTimestamp)
  writeInt64(batch, producerId, at.producerId)
  batch.writeInt16BE(producerEpoch, at.producerEpoch)
  batch.writeInt32BE(-1, at.baseSequence)
  batch.writeInt32BE(1, at.count)
  batch.writeUInt32BE(crc32c(batch, at.attributes), at.crc)
  return batch
}
