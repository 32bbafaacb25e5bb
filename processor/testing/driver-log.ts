import { Buffer } from 'node:buffer'
import type { FetchedPartition, PartitionBuffer, RecordColumns } from '../ports.ts'

/** A record as a log holds it. */
export interface LoggedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** The raw block of the record format, or empty. */
  readonly headers: Buffer
}

/**
 * One partition of a topic in memory. What is appended belongs to the open transaction: it can be read from `commit`
 * on.
 */
export class DriverLog implements PartitionBuffer {
  readonly topic: string
  readonly partition: number
  readonly #isCompacted: boolean
  /** Committed records by offset; of a compacted log the last of each key. */
  readonly #records = new Map<number, LoggedRecord>()
  readonly #offsetByKey = new Map<string, number>()
  #open: LoggedRecord[] = []
  /** The offset after the last committed record. */
  nextOffset = 0

  constructor(topic: string, partition: number, isCompacted = false) {
    this.topic = topic
    this.partition = partition
    this.#isCompacted = isCompacted
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
    this.#open.push({
      offset: this.nextOffset + this.#open.length,
      timestamp,
      key: key === null ? null : Buffer.from(key.subarray(keyStart, keyEnd)),
      value: value === null ? null : Buffer.from(value.subarray(valueStart, valueEnd)),
      headers: headers === null ? Buffer.alloc(0) : Buffer.from(headers.subarray(headersStart, headersEnd)),
    })
  }

  commit(): void {
    for (const record of this.#open) {
      if (this.#isCompacted) this.#forgetFormer(record)
      this.#records.set(record.offset, record)
    }
    this.nextOffset += this.#open.length
    this.#open = []
  }

  #forgetFormer(record: LoggedRecord): void {
    const key = record.key!.toString('latin1')
    const former = this.#offsetByKey.get(key)
    if (former !== undefined) this.#records.delete(former)
    this.#offsetByKey.set(key, record.offset)
  }

  abort(): void {
    this.#open = []
  }

  at(offset: number): LoggedRecord | undefined {
    return this.#records.get(offset)
  }

  /** The committed records, by offset. */
  all(): LoggedRecord[] {
    return [...this.#records.values()]
  }

  #from(from: number): LoggedRecord[] {
    const records: LoggedRecord[] = []
    for (let offset = from; offset < this.nextOffset; offset++) {
      const record = this.#records.get(offset)
      if (record !== undefined) records.push(record)
    }
    return records
  }

  /** The committed records from an offset on, as a fetch brings them. */
  fetch(from: number): FetchedPartition {
    const end = this.nextOffset
    const records = from === 0 ? this.all() : this.#from(from)
    return {
      topic: this.topic,
      partition: this.partition,
      records: columnsOf(records),
      nextOffset: end,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: 0,
      abortedRecords: 0,
      bytes: records.length,
      error: null,
    }
  }
}

/** Records as columns, all in one buffer. */
function columnsOf(records: readonly LoggedRecord[]): RecordColumns {
  const parts: Buffer[] = []
  let at = 0
  const starts = { key: [] as number[], value: [] as number[], headers: [] as number[] }
  const ends = { key: [] as number[], value: [] as number[], headers: [] as number[] }
  for (const record of records) {
    for (const part of ['key', 'value', 'headers'] as const) {
      const bytes = record[part]
      starts[part].push(bytes === null ? -1 : at)
      if (bytes !== null) {
        parts.push(bytes)
        at += bytes.length
      }
      ends[part].push(at)
    }
  }
  return {
    length: records.length,
    buffers: [Buffer.concat(parts)],
    buffer: new Int32Array(records.length),
    offset: Float64Array.from(records, record => record.offset),
    timestamp: Float64Array.from(records, record => record.timestamp),
    keyStart: Int32Array.from(starts.key),
    keyEnd: Int32Array.from(ends.key),
    valueStart: Int32Array.from(starts.value),
    valueEnd: Int32Array.from(ends.value),
    headersStart: Int32Array.from(starts.headers),
    headersEnd: Int32Array.from(ends.headers),
  }
}
