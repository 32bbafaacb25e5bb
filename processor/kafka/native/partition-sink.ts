import type { Buffer } from 'node:buffer'
import type { PartitionBuffer } from '../../ports.ts'
import { BatchBuilder } from './batch.ts'

/** Below the broker's default limit of 1,048,588 bytes a batch, with room for a last record. */
const batchMaxBytes = 900_000

/**
 * Collects the records of one partition into batches, in order, apart for the open transaction and the one that is
 * sealed.
 */
export class PartitionSink implements PartitionBuffer {
  readonly topic: string
  readonly partition: number
  /** Of the next batch to be sent (KIP-98). */
  sequence = 0
  /** The offset after the last record that was acknowledged; -1 before the first. */
  nextOffset = -1
  /** Where the log ended before the first batch was sent; -1 where that was not asked for. */
  logEnd = -1
  /** Builders that are done with. Each partition has its own: they expect as much as they held last. */
  readonly #free: BatchBuilder[] = []
  #open: BatchBuilder
  #full: BatchBuilder[] = []
  #sealed: BatchBuilder[] = []

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
    this.#open = new BatchBuilder()
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
    const bytes = BatchBuilder.recordMaxBytes(keyEnd - keyStart, valueEnd - valueStart, headersEnd - headersStart)
    if (this.#open.sizeBytes + bytes > batchMaxBytes) this.#roll()
    this.#open.append(timestamp, key, keyStart, keyEnd, value, valueStart, valueEnd, headers, headersStart, headersEnd)
  }

  /** What was sent and not acknowledged can only be in the log from here on; -1 where that is not known. */
  get sentFrom(): number {
    return this.nextOffset === -1 ? this.logEnd : this.nextOffset
  }

  get bufferedBytes(): number {
    let bytes = this.#open.sizeBytes
    for (const builder of this.#full) bytes += builder.sizeBytes
    for (const builder of this.#sealed) bytes += builder.sizeBytes
    return bytes
  }

  /** What was appended until now is of the transaction that ends next. */
  seal(): void {
    this.#roll()
    this.#sealed.push(...this.#full)
    this.#full = []
  }

  /** Hands out, in order, the batches to send now. */
  take(sealedOnly: boolean): BatchBuilder[] {
    if (!sealedOnly) this.seal()
    const taken = this.#sealed
    this.#sealed = []
    return taken
  }

  /** A batch that was handed out is acknowledged, or given up. */
  giveBack(builder: BatchBuilder): void {
    builder.reset()
    this.#free.push(builder)
  }

  /** Forgets all that was appended and not handed out. */
  clear(): void {
    this.#open.reset()
    for (const builder of this.take(false)) this.giveBack(builder)
  }

  #roll(): void {
    if (this.#open.count === 0) return
    this.#full.push(this.#open)
    this.#open = this.#free.pop() ?? new BatchBuilder()
  }
}
