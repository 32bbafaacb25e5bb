import { Buffer } from 'node:buffer'
import { setBaseOffset, type BatchHeader } from '../kafka/native/batch-inspect.ts'
import { sizeBytesOf } from './batch-header.ts'

/** A record batch in memory: its header, and the buffer that it has a range of. */
export interface Batch extends BatchHeader {
  readonly bytes: Buffer
  /** When compaction may drop its tombstones or its marker, by the wall clock; -1 before it was first compacted. */
  deleteHorizonMs: number
}

const firstSegmentBytes = 16 << 10
const segmentBytes = 1 << 20

/**
 * The batches of a partition in the order of their offsets, their bytes one behind the other in segments. A segment is
 * written once and never again, so ranges of it are given out without a copy.
 */
export class Batches {
  #batches: Batch[] = []
  #segment: Buffer = Buffer.alloc(0)
  #used = 0
  sizeBytes = 0

  get all(): readonly Batch[] {
    return this.#batches
  }

  /** Copies the bytes, gives them their offset, and keeps them. */
  append(records: Buffer | readonly Buffer[], header: BatchHeader, baseOffset: number): Batch {
    const sizeBytes = sizeBytesOf(header)
    const start = this.#reserve(sizeBytes)
    const end = start + sizeBytes
    const bytes = this.#segment
    if (Buffer.isBuffer(records)) records.copy(bytes, start)
    else {
      let position = start
      for (const part of records) position += part.copy(bytes, position)
    }
    // The offset and the leader epoch are outside of the checksum, so that a broker can set them.
    setBaseOffset(bytes.subarray(start, end), baseOffset, 0)
    const lastOffset = baseOffset + header.lastOffset - header.baseOffset
    const batch: Batch = { ...header, bytes, start, end, baseOffset, lastOffset, leaderEpoch: 0, deleteHorizonMs: -1 }
    this.#batches.push(batch)
    this.sizeBytes += sizeBytes
    return batch
  }

  #reserve(sizeBytes: number): number {
    if (this.#used + sizeBytes > this.#segment.length) {
      const grown = Math.min(segmentBytes, Math.max(firstSegmentBytes, this.#segment.length * 2))
      this.#segment = Buffer.allocUnsafeSlow(Math.max(grown, sizeBytes))
      this.#used = 0
    }
    const start = this.#used
    this.#used += sizeBytes
    return start
  }

  /** The index of the first batch that has `offset` or a later one. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const batch = this.#batches[middle]
      if (batch !== undefined && batch.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Whole batches from the one with `offset` on, below `limit`, up to `maxBytes`; with `atLeastOne` the first even if
   * it is larger. `endOffset` is the offset behind them.
   */
  read(offset: number, limit: number, maxBytes: number, atLeastOne: boolean): { records: Buffer; endOffset: number } {
    const ranges: Buffer[] = []
    let endOffset = offset
    let bytesLeft = maxBytes
    let first: Batch | undefined
    let last: Batch | undefined
    for (let index = this.indexOf(offset); index < this.#batches.length; index++) {
      const batch = this.#batches[index]
      if (batch === undefined || batch.baseOffset >= limit) break
      const sizeBytes = batch.end - batch.start
      if (sizeBytes > bytesLeft && !(atLeastOne && last === undefined)) break
      if (first === undefined || last === undefined || last.bytes !== batch.bytes || last.end !== batch.start) {
        if (first !== undefined && last !== undefined) ranges.push(first.bytes.subarray(first.start, last.end))
        first = batch
      }
      last = batch
      bytesLeft -= sizeBytes
      endOffset = batch.lastOffset + 1
    }
    if (first !== undefined && last !== undefined) ranges.push(first.bytes.subarray(first.start, last.end))
    const [only] = ranges
    return { records: only !== undefined && ranges.length === 1 ? only : Buffer.concat(ranges), endOffset }
  }

  /** Drops the batches that end before `offset`. */
  trim(offset: number): void {
    const count = this.indexOf(offset)
    for (const batch of this.#batches.splice(0, count)) this.sizeBytes -= sizeBytesOf(batch)
  }

  /** Puts compacted batches in the place of the first `count`. */
  replace(count: number, batches: readonly Batch[]): void {
    const rest = this.#batches.slice(count)
    this.#batches = [...batches, ...rest]
    this.sizeBytes = this.#batches.reduce((sum, batch) => sum + sizeBytesOf(batch), 0)
  }
}
