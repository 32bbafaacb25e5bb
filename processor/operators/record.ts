import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { InputRecord } from '../../topology/process.ts'
import type { RecordColumns } from '../ports.ts'
import { decodeHeaders, type HeaderEntry } from '../../schemas/headers.ts'

const noBytes = Buffer.alloc(0)

/**
 * The record on its way through a task: one object, changed in place. An operator that changes a field sets it back
 * after
 * the next steps are done, so that each child of a fan-out sees what its parent sent.
 *
 * The key is held as bytes, as a value, or both, and turned into the other form only when somebody needs it: a record
 * that is counted by its key is never decoded.
 */
export class FlowRecord implements InputRecord<any, any> {
  value: any = null
  /** Of a table's change: the row before it, undefined without one. Set where a step asks for it. */
  former: any = undefined
  timestamp = -1
  topic = ''
  partition = -1
  offset = -1
  recordTimestamp = -1
  /** The event time with which it came in: steps may give it another on its way. */
  sourceTimestamp = -1
  /** Whether a step has seen it: from then on a failure may leave effects behind. */
  isFlowing = false
  keySerde: Serde<any> | null = null
  keyIsNull = true
  keyBytes: Buffer = noBytes
  keyStart = 0
  keyEnd = 0
  /** The raw block of the record format, or empty. */
  headersBytes: Buffer = noBytes
  headersStart = 0
  headersEnd = 0
  #key: unknown = null
  #keyDecoded = false
  #keyEncoded = false
  readonly #keyWriter = new ByteWriter(64)
  #columns: RecordColumns | null = null
  #row = 0

  get key(): any {
    if (!this.#keyDecoded) {
      this.#key = this.keyIsNull ? null : this.keySerde!.read(this.keyBytes, this.keyStart, this.keyEnd)
      this.#keyDecoded = true
    }
    return this.#key
  }

  /** The key as bytes of a longer-lived buffer; a start of -1 stands for null. */
  setKeyBytes(bytes: Buffer, start: number, end: number, serde: Serde<any>): void {
    this.keySerde = serde
    this.keyIsNull = start < 0
    this.keyBytes = bytes
    this.keyStart = start
    this.keyEnd = end
    this.#keyDecoded = false
    this.#keyEncoded = true
  }

  setKey(key: unknown, serde: Serde<any>): void {
    this.keySerde = serde
    this.#key = key
    this.keyIsNull = key === null || key === undefined
    this.#keyDecoded = true
    this.#keyEncoded = false
  }

  /** Makes `keyBytes[keyStart, keyEnd)` valid. */
  encodeKey(): void {
    if (this.#keyEncoded || this.keyIsNull) return
    const writer = this.#keyWriter
    writer.reset()
    this.keySerde!.write(this.#key, writer)
    this.keyBytes = writer.bytes
    this.keyStart = 0
    this.keyEnd = writer.length
    this.#keyEncoded = true
  }

  /** Takes over the origin, headers and bytes of a fetched row. */
  setOrigin(topic: string, partition: number, columns: RecordColumns, row: number): void {
    this.topic = topic
    this.partition = partition
    this.offset = columns.offset[row]!
    this.recordTimestamp = columns.timestamp[row]!
    this.headersBytes = columns.buffers[columns.buffer[row]!]!
    this.headersStart = columns.headersStart[row]!
    this.headersEnd = columns.headersEnd[row]!
    this.#columns = columns
    this.#row = row
  }

  /** The origin of a result that no single record gave: a closed window, a punctuation. */
  setNoOrigin(partition: number): void {
    this.topic = ''
    this.partition = partition
    this.offset = -1
    this.recordTimestamp = -1
    this.setNoHeaders()
    this.#columns = null
  }

  setNoHeaders(): void {
    this.headersBytes = noBytes
    this.headersStart = 0
    this.headersEnd = 0
  }

  rawKey(): Buffer | null {
    const columns = this.#columns
    return columns === null ? null : viewOf(columns, this.#row, columns.keyStart, columns.keyEnd)
  }

  rawValue(): Buffer | null {
    const columns = this.#columns
    return columns === null ? null : viewOf(columns, this.#row, columns.valueStart, columns.valueEnd)
  }

  headers(): readonly HeaderEntry[] {
    return decodeHeaders(this.headersBytes, this.headersStart, this.headersEnd)
  }

  /** Saves the key, runs `fn`, and sets the key back. */
  withKey(key: unknown, serde: Serde<any>, fn: (record: FlowRecord) => void): void {
    const { keySerde, keyIsNull, keyBytes, keyStart, keyEnd } = this
    const wasKey = this.#key
    const wasDecoded = this.#keyDecoded
    const wasEncoded = this.#keyEncoded
    // The writer may hold the encoded key that is being set aside.
    if (wasEncoded && keyBytes === this.#keyWriter.bytes)
      this.keyBytes = Buffer.from(keyBytes.subarray(keyStart, keyEnd))
    const keptBytes = this.keyBytes
    const moved = keptBytes !== keyBytes
    this.setKey(key, serde)
    fn(this)
    this.keySerde = keySerde
    this.keyIsNull = keyIsNull
    this.keyBytes = keptBytes
    this.keyStart = moved ? 0 : keyStart
    this.keyEnd = moved ? keptBytes.length : keyEnd
    this.#key = wasKey
    this.#keyDecoded = wasDecoded
    this.#keyEncoded = wasEncoded
  }
}

function viewOf(columns: RecordColumns, row: number, starts: Int32Array, ends: Int32Array): Buffer | null {
  const start = starts[row]!
  return start < 0 ? null : columns.buffers[columns.buffer[row]!]!.subarray(start, ends[row]!)
}
