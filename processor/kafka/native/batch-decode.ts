import type { Buffer } from 'node:buffer'
import { at, VarintReader } from './batch-format.ts'
import { batchEnd, batchHeader, corrupt, verifyBatch, type BatchHeader, type Source } from './batch-inspect.ts'
import type { Columns } from './columns.ts'
import { decompress } from './compression.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface DecodeOptions {
  /** Records before it are left out: a batch may begin earlier than the offset asked for. */
  readonly fetchOffset: number
  /** The `abortedTransactions` of the answer, in any order; null reads uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null
  /** Checks the checksums; true unless said. */
  readonly verify?: boolean
  /** Named in errors. */
  readonly source?: Source
}

export interface DecodeResult {
  /** The offset to fetch next: behind the last whole batch, whatever was in it. */
  readonly nextOffset: number
  /** Records left out because their transaction was aborted. */
  readonly abortedRecords: number
  readonly batches: number
}

/**
 * Knows which batches belong to aborted transactions: the algorithm of Java's CompletedFetch. The broker lists aborted
 * transactions in the order in which they ended, so they are sorted first. Each is active from its first offset until
 * the abort marker of its producer, which may also lie behind the end of this answer.
 */
class AbortedFilter {
  readonly #waiting: readonly AbortedTransaction[]
  readonly #active = new Set<number>()
  #next = 0

  constructor(aborted: readonly AbortedTransaction[] | null) {
    this.#waiting = aborted === null ? [] : aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  isAborted(records: Buffer, batch: BatchHeader): boolean {
    if (batch.producerId < 0 || this.#waiting.length === 0) return false
    for (; this.#next < this.#waiting.length; this.#next++) {
      const { producerId, firstOffset } = this.#waiting[this.#next]!
      if (firstOffset > batch.lastOffset) break
      this.#active.add(producerId)
    }
    if (batch.control) {
      if (isAbortMarker(records, batch)) this.#active.delete(batch.producerId)
      return false
    }
    return batch.transactional && this.#active.has(batch.producerId)
  }
}

/** The key of a control record is two int16: a version and the type, 0 for abort, 1 for commit. */
function isAbortMarker(records: Buffer, batch: BatchHeader): boolean {
  // Compaction leaves an empty control batch behind.
  if (batch.count === 0) return false
  const reader = new VarintReader()
  reader.position = batch.start + at.records
  reader.varint(records)
  reader.position++
  reader.varlong(records)
  reader.varint(records)
  const keySize = reader.varint(records)
  return keySize >= 4 && reader.position + 4 <= batch.end && records.readInt16BE(reader.position + 2) === 0
}

/**
 * Appends the records of all whole batches in `records` to `into`, without control records and aborted ones; a batch
 * that is cut off at the end is ignored. Uncompressed records stay where they are: the columns point into `records`.
 * Throws a `KafkaError`: `CORRUPT_MESSAGE` (with the batch's offset), `UNSUPPORTED_FOR_MESSAGE_FORMAT`,
 * `UNSUPPORTED_COMPRESSION_TYPE`.
 */
export function decodeBatches(records: Buffer, into: Columns, options: DecodeOptions): DecodeResult {
  const { fetchOffset, aborted, verify = true, source } = options
  const filter = new AbortedFilter(aborted)
  let nextOffset = fetchOffset
  let abortedRecords = 0
  let batches = 0
  for (let start = 0; ;) {
    const end = batchEnd(records, start, source)
    if (end < 0) break
    if (verify) verifyBatch(records, start, end, source)
    const batch = batchHeader(records, start, end)
    if (filter.isAborted(records, batch)) {
      abortedRecords += Math.max(0, Math.min(batch.count, batch.lastOffset + 1 - fetchOffset))
    } else if (!batch.control && batch.lastOffset >= fetchOffset) {
      appendBatch(records, batch, into, fetchOffset, source)
    }
    batches++
    nextOffset = Math.max(nextOffset, batch.lastOffset + 1)
    start = end
  }
  return { nextOffset, abortedRecords, batches }
}

function appendBatch(
  records: Buffer,
  batch: BatchHeader,
  into: Columns,
  fetchOffset: number,
  source: Source | undefined,
): void {
  const { count, compression } = batch
  const packed = compression !== 0
  const buffer = packed ? decompress(compression, records.subarray(batch.start + at.records, batch.end)) : records
  const start = packed ? 0 : batch.start + at.records
  const end = packed ? buffer.length : batch.end
  // A record takes 7 bytes at least; a wrong count must not reserve the whole memory.
  if (count < 0 || count * 7 > end - start) throw outside(batch, count, source)
  into.reserve(count)
  readRecords(buffer, start, end, batch, into, fetchOffset, source)
}

function outside(batch: BatchHeader, index: number, source: Source | undefined): Error {
  const message = `Record ${index} of the batch at offset ${batch.baseOffset} reaches beyond the batch.`
  return corrupt(message, batch.baseOffset, source)
}

const reader = new VarintReader()

/** The hot path: one pass over the bytes, no object per record. */
function readRecords(
  buffer: Buffer,
  start: number,
  end: number,
  batch: BatchHeader,
  into: Columns,
  fetchOffset: number,
  source: Source | undefined,
): void {
  const { buffer: indexes, offset: offsets, timestamp: timestamps } = into
  const { keyStart, keyEnd, valueStart, valueEnd, headersStart, headersEnd } = into
  const { baseOffset, baseTimestamp, maxTimestamp, logAppendTime, count } = batch
  const index = into.bufferIndex(buffer)
  let row = into.length
  reader.position = start
  for (let i = 0; i < count; i++) {
    const size = reader.varint(buffer)
    const recordEnd = reader.position + size
    if (size < 6 || recordEnd > end) throw outside(batch, i, source)
    reader.position++
    const timestamp = baseTimestamp + reader.varlong(buffer)
    const offset = baseOffset + reader.varint(buffer)
    const keySize = reader.varint(buffer)
    const keyAt = reader.position
    if (keySize > 0) reader.position += keySize
    const valueSize = reader.varint(buffer)
    const valueAt = reader.position
    if (valueSize > 0) reader.position += valueSize
    if (reader.position >= recordEnd) throw outside(batch, i, source)
    keyStart[row] = keySize < 0 ? -1 : keyAt
    keyEnd[row] = keySize < 0 ? -1 : keyAt + keySize
    valueStart[row] = valueSize < 0 ? -1 : valueAt
    valueEnd[row] = valueSize < 0 ? -1 : valueAt + valueSize
    headersStart[row] = reader.position
    headersEnd[row] = recordEnd
    indexes[row] = index
    offsets[row] = offset
    timestamps[row] = logAppendTime ? maxTimestamp : timestamp
    reader.position = recordEnd
    // A row that is left out is written over by the next one.
    if (offset >= fetchOffset) row++
  }
  into.length = row
}

/** Where the marker of a control batch says abort; for those who keep an index of aborted transactions. */
export const marksAbort = (records: Buffer, batch: BatchHeader): boolean =>
  batch.control && isAbortMarker(records, batch)
