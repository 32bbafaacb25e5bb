import { Buffer } from 'node:buffer'
import { at, attribute } from '../kafka/native/batch-format.ts'
import type { Batch } from './batches.ts'
import { sizeBytesOf } from './batch-header.ts'
import { seal } from './seal.ts'
import type { AbortedTransaction, PartitionLog } from './log.ts'
import { recordsOf, type RecordRange } from './records.ts'

export interface CompactionOptions {
  readonly nowMs: number
  /** How long tombstones and markers stay after they were first compacted (`delete.retention.ms`). */
  readonly deleteRetentionMs: number
}

/**
 * Keeps the last value of each key, at its offset (KIP-98, KIP-534 for the removal of tombstones and markers).
 *
 *   before   a=1 b=1 | a=2 | x=9 abort | b=null c=1 | commit | ... open transaction, and always the last batch
 *   after                a=2             b=null c=1   commit   ... untouched
 *
 * Only what is below the last stable offset is compacted, so each transaction in it has an outcome: records of aborted
 * ones go and take no part in what is the last of a key. The last batch always stays, as Kafka's active segment does:
 * otherwise a reader that goes on until the end of the log would wait for ever.
 */
export function compact(log: PartitionLog, { nowMs, deleteRetentionMs }: CompactionOptions): void {
  const all = log.batches.all
  let count = 0
  while (count < all.length - 1 && (all[count]?.lastOffset ?? Infinity) < log.lastStableOffset) count++
  const cleaned = all.slice(0, count)
  const aborted = abortedOf(cleaned, log.abortedTransactions)
  const last = lastOffsets(cleaned, aborted)
  const kept: Batch[] = []
  /** Producers of whose transaction something was there: its marker stays as long (CleanedTransactionMetadata). */
  const marked = new Set<number>()
  for (const batch of cleaned) {
    const old = batch.deleteHorizonMs !== -1 && nowMs >= batch.deleteHorizonMs
    if (batch.deleteHorizonMs === -1) batch.deleteHorizonMs = nowMs + deleteRetentionMs
    if (batch.control) {
      const isNeeded = marked.delete(batch.producerId)
      if (isNeeded || !old) kept.push(batch)
      continue
    }
    if (batch.transactional) marked.add(batch.producerId)
    if (aborted.has(batch)) continue
    const records = recordsOf(batch)
    const left = records.filter(
      ({ key, value, offset }) =>
        key !== null && last.get(key.toString('latin1')) === offset && !(value === null && old),
    )
    if (left.length === records.length) kept.push(batch)
    else if (left.length > 0) kept.push(rebuilt(batch, left))
  }
  const end = all[count]?.baseOffset ?? log.endOffset
  // A transaction whose records are gone needs no entry; one that reaches behind what was compacted keeps its.
  log.compacted(
    count,
    packed(kept),
    log.abortedTransactions.filter(({ lastOffset }) => lastOffset >= end),
  )
}

/** The batches whose transaction was aborted. */
function abortedOf(batches: readonly Batch[], transactions: readonly AbortedTransaction[]): ReadonlySet<Batch> {
  const byProducer = new Map<number, AbortedTransaction[]>()
  for (const transaction of transactions) {
    const list = byProducer.get(transaction.producerId)
    if (list === undefined) byProducer.set(transaction.producerId, [transaction])
    else list.push(transaction)
  }
  const isAborted = ({ producerId, transactional, control, baseOffset }: Batch): boolean =>
    transactional &&
    !control &&
    (byProducer.get(producerId) ?? []).some(
      transaction => baseOffset >= transaction.firstOffset && baseOffset < transaction.lastOffset,
    )
  return new Set(batches.filter(isAborted))
}

function lastOffsets(batches: readonly Batch[], aborted: ReadonlySet<Batch>): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const batch of batches) {
    if (batch.control || aborted.has(batch)) continue
    for (const { key, offset } of recordsOf(batch)) if (key !== null) last.set(key.toString('latin1'), offset)
  }
  return last
}

/**
 * The batch with some of its records. Their bytes stay as they are, because a record's offset and time are relative to
 * those of the batch, and the batch keeps the range of offsets that it had.
 */
function rebuilt(batch: Batch, records: readonly RecordRange[]): Batch {
  const head = Buffer.from(batch.bytes.subarray(batch.start, batch.start + at.records))
  const bytes = Buffer.concat([head, ...records.map(({ payload, start, end }) => payload.subarray(start, end))])
  bytes.writeInt16BE(bytes.readInt16BE(at.attributes) & ~attribute.compression, at.attributes)
  bytes.writeInt32BE(records.length, at.count)
  seal(bytes)
  return { ...batch, bytes, start: 0, end: bytes.length, count: records.length, compression: 0 }
}

/** Side by side in a buffer of their own, so that the segments they came from can go. */
function packed(batches: readonly Batch[]): Batch[] {
  const bytes = Buffer.concat(batches.map(batch => batch.bytes.subarray(batch.start, batch.end)))
  let start = 0
  return batches.map(batch => {
    const end = start + sizeBytesOf(batch)
    const moved = { ...batch, bytes, start, end }
    start = end
    return moved
  })
}
