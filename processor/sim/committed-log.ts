import { Buffer } from 'node:buffer'
import { Columns } from '../kafka/native/columns.ts'
import { decodeBatches } from '../kafka/native/batch-decode.ts'
import { batchEnd, batchHeader, peekBatches } from '../kafka/native/batch-inspect.ts'
import type { PartitionLog } from '../embedded/log.ts'
import { decodeHeaders } from '../../schemas/headers.ts'

/** One committed record of a log, as bytes. */
export interface LogRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headerNames: readonly string[]
}

export interface CommittedLog {
  readonly records: readonly LogRecord[]
  readonly abortedRecords: number
  readonly abortedTransactions: number
  readonly committedTransactions: number
  /** Producers whose transactions were never ended. */
  readonly open: readonly number[]
  /** Two committed transactions of different producers that were open at the same time: where the second begins. */
  readonly overlaps: readonly number[]
}

interface Span {
  readonly producerId: number
  readonly first: number
  readonly end: number
}

/**
 * What a partition holds, read its own way: in the order of the log, a producer's records wait for the marker that
 * follows them. The client's reader, which goes by the broker's list of aborted transactions, is judged by it.
 */
export function readCommitted(log: PartitionLog): CommittedLog {
  const waiting = new Map<number, LogRecord[]>()
  const records: LogRecord[] = []
  const spans: Span[] = []
  let abortedRecords = 0
  let abortedTransactions = 0
  let committedTransactions = 0
  for (const batch of log.batches.all) {
    const bytes = batch.bytes.subarray(batch.start, batch.end)
    if (batch.control) {
      const ended = waiting.get(batch.producerId) ?? []
      waiting.delete(batch.producerId)
      if (isCommit(bytes)) {
        committedTransactions++
        records.push(...ended)
        const { producerId, baseOffset: end } = batch
        if (ended.length > 0) spans.push({ producerId, first: ended[0]!.offset, end })
      } else {
        abortedTransactions++
        abortedRecords += ended.length
      }
      continue
    }
    const rows = rowsOf(bytes, log.partition)
    if (!batch.transactional) records.push(...rows)
    else waiting.set(batch.producerId, [...(waiting.get(batch.producerId) ?? []), ...rows])
  }
  return {
    records: records.toSorted((a, b) => a.offset - b.offset),
    abortedRecords,
    abortedTransactions,
    committedTransactions,
    open: [...waiting.keys()],
    overlaps: overlapsOf(spans),
  }
}

function overlapsOf(spans: readonly Span[]): number[] {
  const ordered = spans.toSorted((a, b) => a.first - b.first)
  let last: Span | null = null
  const overlaps: number[] = []
  for (const span of ordered) {
    if (last !== null && span.first < last.end && span.producerId !== last.producerId) overlaps.push(span.first)
    if (last === null || span.end > last.end) last = span
  }
  return overlaps
}

/** The key of a control record: two int16, a version and the type; 1 is a commit. */
function isCommit(bytes: Buffer): boolean {
  const header = batchHeader(bytes, 0, batchEnd(bytes, 0))
  const columns = new Columns()
  // A control batch read as if it were data: its one record has the type in its key.
  const plain = Buffer.from(bytes)
  plain.writeInt16BE(plain.readInt16BE(21) & ~0x20, 21)
  decodeBatches(plain, columns, { fetchOffset: header.baseOffset, aborted: null, verify: false })
  return columns.buffers[columns.buffer[0]!]!.readInt16BE(columns.keyStart[0]! + 2) === 1
}

function rowsOf(bytes: Buffer, partition: number): LogRecord[] {
  const columns = new Columns()
  for (const { baseOffset } of peekBatches(bytes)) {
    decodeBatches(bytes, columns, { fetchOffset: baseOffset, aborted: null, verify: false })
    break
  }
  return Array.from({ length: columns.length }, (_, row) => {
    const from = columns.buffers[columns.buffer[row]!]!
    const range = (start: number, end: number): Buffer | null => (start < 0 ? null : from.subarray(start, end))
    const [headersStart, headersEnd] = [columns.headersStart[row]!, columns.headersEnd[row]!]
    return {
      partition,
      offset: columns.offset[row]!,
      timestamp: columns.timestamp[row]!,
      key: range(columns.keyStart[row]!, columns.keyEnd[row]!),
      value: range(columns.valueStart[row]!, columns.valueEnd[row]!),
      headerNames:
        headersEnd - headersStart > 1 ? decodeHeaders(from, headersStart, headersEnd).map(({ name }) => name) : [],
    }
  })
}
