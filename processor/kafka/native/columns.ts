import type { Buffer } from 'node:buffer'
import type { RecordColumns } from '../../ports.ts'

const smallest = 64

/** Columns that grow. `clear` keeps the room, so that one set can be filled again when its records are done with. */
export class Columns implements RecordColumns {
  length = 0
  buffers: Buffer[] = []
  buffer: Int32Array
  offset: Float64Array
  timestamp: Float64Array
  keyStart: Int32Array
  keyEnd: Int32Array
  valueStart: Int32Array
  valueEnd: Int32Array
  headersStart: Int32Array
  headersEnd: Int32Array

  constructor(capacity = 0) {
    this.buffer = new Int32Array(capacity)
    this.offset = new Float64Array(capacity)
    this.timestamp = new Float64Array(capacity)
    this.keyStart = new Int32Array(capacity)
    this.keyEnd = new Int32Array(capacity)
    this.valueStart = new Int32Array(capacity)
    this.valueEnd = new Int32Array(capacity)
    this.headersStart = new Int32Array(capacity)
    this.headersEnd = new Int32Array(capacity)
  }

  get capacity(): number {
    return this.offset.length
  }

  clear(): void {
    this.length = 0
    this.buffers = []
  }

  /** Makes room for `count` more rows; the arrays may be others afterwards. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed > this.capacity) this.#grow(Math.max(needed, this.capacity * 2, smallest))
  }

  /** The number of `buffer` among `buffers`; it is added when it is not the last one. */
  bufferIndex(buffer: Buffer): number {
    const last = this.buffers.length - 1
    return this.buffers[last] === buffer ? last : this.buffers.push(buffer) - 1
  }

  #grow(capacity: number): void {
    const integers = (old: Int32Array): Int32Array => {
      const grown = new Int32Array(capacity)
      grown.set(old.subarray(0, this.length))
      return grown
    }
    const numbers = (old: Float64Array): Float64Array => {
      const grown = new Float64Array(capacity)
      grown.set(old.subarray(0, this.length))
      return grown
    }
    this.buffer = integers(this.buffer)
    this.offset = numbers(this.offset)
    this.timestamp = numbers(this.timestamp)
    this.keyStart = integers(this.keyStart)
    this.keyEnd = integers(this.keyEnd)
    this.valueStart = integers(this.valueStart)
    this.valueEnd = integers(this.valueEnd)
    this.headersStart = integers(this.headersStart)
    this.headersEnd = integers(this.headersEnd)
  }
}
