import { Buffer } from 'node:buffer'
import type { Isolation } from '../ports.ts'
import { Batches, type Batch } from './batches.ts'
import { at } from '../kafka/native/batch-format.ts'
import { batchHeader, controlBatch, type BatchHeader } from '../kafka/native/batch-inspect.ts'
import { sentHeader, sizeBytesOf } from './batch-header.ts'
import { codes } from './codes.ts'
import { Producers } from './producers.ts'

export interface Appended {
  readonly errorCode: number
  readonly baseOffset: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** The offset of the abort marker. */
  readonly lastOffset: number
}

export interface Read {
  readonly errorCode: number
  readonly records: Buffer
  /** Null under read_uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null
}

export interface AppendOptions {
  readonly maxBatchBytes: number
  /** A request of transaction version 2, whose transactions begin with sequence 0. */
  readonly strict: boolean
  /** Asked before a transactional batch that would open the transaction in this partition; answers an error code. */
  readonly admit: (header: BatchHeader) => number
}

const refused = (errorCode: number): Appended => ({ errorCode, baseOffset: -1 })
const nothing = Buffer.alloc(0)

/**
 * One partition, in memory. There is one replica, so what is written is below the high watermark at once.
 *
 *   log start       last stable offset      high watermark = log end
 *       |   committed, aborted   |   open transactions ...   |
 */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly producers = new Producers()
  readonly batches = new Batches()
  /** In the order in which they ended, as the broker's index has them: not in the order of their offsets. */
  #aborted: AbortedTransaction[] = []
  readonly #listeners = new Set<() => void>()
  logStartOffset = 0
  endOffset = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get lastStableOffset(): number {
    return Math.min(this.producers.firstUnstable, this.endOffset)
  }

  get abortedTransactions(): readonly AbortedTransaction[] {
    return this.#aborted
  }

  /** Calls `listener` at every change of what can be read, until the answer is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** One batch of a client, as one buffer or in parts. */
  append(records: Buffer | readonly Buffer[], options: AppendOptions): Appended {
    const [header, sizeBytes] = inspect(records)
    // Since Produce v3 a request carries one batch a partition; control batches come from the coordinator only.
    if (header === null || header.control || sizeBytesOf(header) !== sizeBytes) return refused(codes.INVALID_RECORD)
    if (sizeBytes > options.maxBatchBytes) return refused(codes.MESSAGE_TOO_LARGE)
    if (header.producerId !== -1) {
      // Before the coordinator is asked: what is fenced here joins no transaction.
      if (this.producers.fenced(header)) return refused(codes.INVALID_PRODUCER_EPOCH)
      if (header.transactional && !this.producers.ongoing(header.producerId, header.producerEpoch)) {
        this.producers.asks(header, options.strict)
        const errorCode = options.admit(header)
        if (errorCode !== codes.NONE) return refused(errorCode)
      }
      const duplicate = this.producers.duplicateOf(header)
      if (duplicate !== null) return { errorCode: codes.NONE, baseOffset: duplicate }
      const errorCode = this.producers.check(header)
      if (errorCode !== codes.NONE) return refused(errorCode)
    }
    const baseOffset = this.#write(records, header)
    if (header.producerId !== -1) this.producers.wrote(header, baseOffset)
    this.changed()
    return { errorCode: codes.NONE, baseOffset }
  }

  #write(records: Buffer | readonly Buffer[], header: BatchHeader): number {
    const batch = this.batches.append(records, header, this.endOffset)
    this.endOffset = batch.lastOffset + 1
    return batch.baseOffset
  }

  /** Writes the marker that ends a transaction here. */
  mark(producerId: number, epoch: number, committed: boolean, nowMs: number): void {
    const bytes = controlBatch({
      type: committed ? 'commit' : 'abort',
      producerId,
      producerEpoch: epoch,
      timestamp: nowMs,
      coordinatorEpoch: 0,
    })
    const lastOffset = this.#write(bytes, batchHeader(bytes, 0, bytes.length))
    const firstOffset = this.producers.ended(producerId, epoch, nowMs)
    if (!committed && firstOffset !== null) this.#aborted.push({ producerId, firstOffset, lastOffset })
    this.changed()
  }

  read(offset: number, isolation: Isolation, maxBytes: number, atLeastOne: boolean): Read {
    if (offset < this.logStartOffset || offset > this.endOffset) {
      return { errorCode: codes.OFFSET_OUT_OF_RANGE, records: nothing, aborted: null }
    }
    const committed = isolation === 'read_committed'
    const limit = committed ? this.lastStableOffset : this.endOffset
    const { records, endOffset } = this.batches.read(offset, limit, maxBytes, atLeastOne)
    return { errorCode: codes.NONE, records, aborted: committed ? this.#abortedIn(offset, endOffset) : null }
  }

  #abortedIn(from: number, to: number): AbortedTransaction[] {
    return this.#aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to)
  }

  /** Everything below `offset` is gone (DeleteRecords, retention). */
  deleteBefore(offset: number): void {
    if (offset <= this.logStartOffset) return
    this.logStartOffset = offset
    this.batches.trim(offset)
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= offset)
  }

  /** Deletes the oldest batches until the rest fits; never what belongs to an open transaction. */
  trimToBytes(maxBytes: number): void {
    let sizeBytes = this.batches.sizeBytes
    let before = this.logStartOffset
    for (const batch of this.batches.all) {
      if (sizeBytes <= maxBytes || batch.lastOffset >= this.lastStableOffset) break
      sizeBytes -= sizeBytesOf(batch)
      before = batch.lastOffset + 1
    }
    this.deleteBefore(before)
  }

  /** Puts what compaction left in the place of the first `count` batches. */
  compacted(count: number, batches: readonly Batch[], aborted: readonly AbortedTransaction[]): void {
    this.batches.replace(count, batches)
    this.#aborted = [...aborted]
  }
}

function inspect(records: Buffer | readonly Buffer[]): readonly [BatchHeader | null, number] {
  if (Buffer.isBuffer(records)) return [sentHeader(records), records.length]
  const sizeBytes = records.reduce((sum, part) => sum + part.length, 0)
  const [first] = records
  const head = first !== undefined && first.length >= at.records ? first : Buffer.concat(records)
  return [sentHeader(head), sizeBytes]
}
