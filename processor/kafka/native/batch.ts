import { bufferPool } from '../../../schemas/buffer-pool.ts'
import { Buffer } from 'node:buffer'
import { assert } from '../../errors.ts'
import type { PartitionBuffer } from '../../ports.ts'
import { at, attribute, countSize, lengthOverhead, varlongSize, writeInt64, writeVarlong } from './batch-format.ts'
import { compress, compressionId, type Compression } from './compression.ts'
import { crc32c } from './crc.ts'

export interface BatchHeaderFields {
  readonly producerId: number
  readonly producerEpoch: number
  /** The sequence number of the first record; -1 without idempotence. */
  readonly baseSequence: number
  readonly transactional: boolean
  readonly compression: Compression
}

/** Below this a loop is faster than a call into the runtime. */
const loopBytes = 32
const firstBytes = 1024
/** How much room a new batch is given at most before it is needed. */
const expectedMaxBytes = 1 << 20

const lastSequence = 0x7fffffff

/** The sequence number `count` records later: after 2^31 - 1 comes 0 (DefaultRecordBatch.incrementSequence). */
export const nextSequence = (sequence: number, count: number): number =>
  sequence > lastSequence - count ? count - (lastSequence - sequence) - 1 : sequence + count

/** Builds one record batch of version 2. Appends are written at once; the header only by `finish`. */
export class BatchBuilder implements PartitionBuffer {
  #bytes: Buffer = Buffer.alloc(0)
  #position: number = at.records
  #count = 0
  #firstTimestamp = 0
  #maxTimestamp = 0
  #expectedBytes = firstBytes
  #handedOut = false

  get count(): number {
    return this.#count
  }

  /** Size of the batch so far, header included and before compression; 0 without records. */
  get sizeBytes(): number {
    return this.#count === 0 ? 0 : this.#position
  }

  /** Timestamp of the first record, in milliseconds; 0 without records. */
  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  /** Bytes that a record with these sizes takes at most (-1 or 0 for what is null). */
  static recordMaxBytes(keyBytes: number, valueBytes: number, headersBytes: number): number {
    return keyBytes + valueBytes + headersBytes + 40
  }

  append(
    timestamp: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Buffer | null,
    headersStart: number,
    headersEnd: number,
  ): void {
    if (this.#count === 0) this.#begin(timestamp)
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const timestampDelta = timestamp - this.#firstTimestamp
    const offsetDelta = this.#count
    const keySize = key === null ? 0 : keyEnd - keyStart
    const valueSize = value === null ? 0 : valueEnd - valueStart
    const headersSize = headers === null || headersEnd <= headersStart ? 0 : headersEnd - headersStart
    const timestampSize = timestampDelta >= 0 && timestampDelta < 64 ? 1 : varlongSize(timestampDelta)
    const size =
      1 +
      timestampSize +
      countSize(offsetDelta) +
      (key === null ? 1 : countSize(keySize) + keySize) +
      (value === null ? 1 : countSize(valueSize) + valueSize) +
      (headersSize === 0 ? 1 : headersSize)
    if (this.#position + size + 5 > this.#bytes.length) this.#grow(size + 5)

    const bytes = this.#bytes
    let position = writeCount(bytes, size, this.#position)
    bytes[position++] = 0
    if (timestampSize === 1 && timestampDelta >= 0) bytes[position++] = timestampDelta * 2
    else position = writeVarlong(bytes, timestampDelta, position)
    position = writeCount(bytes, offsetDelta, position)
    if (key === null) bytes[position++] = 1
    else position = copy(key, keyStart, keySize, bytes, writeCount(bytes, keySize, position))
    if (value === null) bytes[position++] = 1
    else position = copy(value, valueStart, valueSize, bytes, writeCount(bytes, valueSize, position))
    if (headersSize === 0) bytes[position++] = 0
    else position = copy(headers!, headersStart, headersSize, bytes, position)
    this.#position = position
    this.#count = offsetDelta + 1
  }

  /**
   * Writes the header and returns the batch. The bytes are the caller's from then on; call it once, then `reset`.
   * Producer id, epoch and sequence are asked for only here, since under transaction version 2 the epoch changes with
   * every transaction (KIP-890).
   */
  finish(fields: BatchHeaderFields): Buffer {
    assert(this.#count > 0, 'A record batch without records cannot be sent.')
    assert(!this.#handedOut, 'This batch was finished before. Call reset first.')
    this.#handedOut = true
    let batch = this.#bytes.subarray(0, this.#position)
    if (fields.compression !== 'none') {
      const packed = compress(fields.compression, batch.subarray(at.records))
      batch = Buffer.allocUnsafeSlow(at.records + packed.length)
      packed.copy(batch, at.records)
      // The room of the plain records can be used again.
      this.#handedOut = false
    }
    this.#writeHeader(batch, fields)
    return batch
  }

  /** Ready for the next batch. */
  reset(): void {
    if (this.#handedOut) {
      this.#expectedBytes = Math.min(this.#position + (this.#position >>> 3), expectedMaxBytes)
      this.#bytes = Buffer.alloc(0)
      this.#handedOut = false
    }
    this.#position = at.records
    this.#count = 0
    this.#firstTimestamp = 0
    this.#maxTimestamp = 0
  }

  #begin(timestamp: number): void {
    this.#firstTimestamp = timestamp
    this.#maxTimestamp = timestamp
  }

  #grow(size: number): void {
    const needed = this.#position + size
    const grown = bufferPool.take(Math.max(needed, this.#bytes.length * 2, this.#expectedBytes))
    this.#bytes.copy(grown, 0, 0, this.#position)
    bufferPool.give(this.#bytes)
    this.#bytes = grown
  }

  #writeHeader(batch: Buffer, fields: BatchHeaderFields): void {
    const { producerId, producerEpoch, baseSequence, transactional, compression } = fields
    writeInt64(batch, 0, at.baseOffset)
    batch.writeInt32BE(batch.length - lengthOverhead, at.batchLength)
    batch.writeInt32BE(-1, at.leaderEpoch)
    batch[at.magic] = 2
    batch.writeInt16BE(compressionId(compression) | (transactional ? attribute.transactional : 0), at.attributes)
    batch.writeInt32BE(this.#count - 1, at.lastOffsetDelta)
    writeInt64(batch, this.#firstTimestamp, at.baseTimestamp)
    writeInt64(batch, this.#maxTimestamp, at.maxTimestamp)
    writeInt64(batch, producerId, at.producerId)
    batch.writeInt16BE(producerEpoch, at.producerEpoch)
    batch.writeInt32BE(baseSequence, at.baseSequence)
    batch.writeInt32BE(this.#count, at.count)
    batch.writeUInt32BE(crc32c(batch, at.attributes), at.crc)
  }
}

/** Zig-zag LEB128 of a number that is not negative and below 2^30. */
function writeCount(bytes: Buffer, count: number, position: number): number {
  let coded = count * 2
  while (coded > 127) {
    bytes[position++] = (coded & 127) | 128
    coded >>>= 7
  }
  bytes[position++] = coded
  return position
}

function copy(from: Buffer, start: number, size: number, to: Buffer, position: number): number {
  if (size <= loopBytes) for (let i = 0; i < size; i++) to[position + i] = from[start + i]!
  else from.copy(to, position, start, start + size)
  return position + size
}

/** The bytes of a finished batch will not be looked at again: they hold another one next. */
export function releaseBatch(bytes: Buffer): void {
  bufferPool.give(Buffer.from(bytes.buffer as ArrayBuffer))
}
