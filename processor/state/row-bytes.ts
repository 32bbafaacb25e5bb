import { Buffer } from 'node:buffer'
import { longerInts } from './longer.ts'

const none = Buffer.alloc(0)

/** A byte range for each row, in buffers that many rows share. An end of -1 stands for a deletion. */
export class RowBytes {
  readonly #buffers: Buffer[] = []
  #starts = new Int32Array(64)
  #ends = new Int32Array(64)

  set(row: number, start: number, end: number): void {
    if (row >= this.#starts.length) this.#grow(row)
    this.#starts[row] = start
    this.#ends[row] = end
  }

  setBuffer(row: number, buffer: Buffer): void {
    this.#buffers[row] = buffer
  }

  buffer(row: number): Buffer {
    return this.#buffers[row]!
  }

  start(row: number): number {
    return this.#starts[row]!
  }

  end(row: number): number {
    return this.#ends[row]!
  }

  size(row: number): number {
    return Math.max(0, this.#ends[row]! - this.#starts[row]!)
  }

  /** Takes over the range that `from` has for this row. */
  take(row: number, from: RowBytes): void {
    this.set(row, from.start(row), from.end(row))
    this.#buffers[row] = from.buffer(row)
    from.clear(row)
  }

  /** Lets go of the buffer. */
  clear(row: number): void {
    if (row < this.#buffers.length) this.#buffers[row] = none
  }

  #grow(row: number): void {
    this.#starts = longerInts(this.#starts, row + 1)
    this.#ends = longerInts(this.#ends, row + 1)
  }
}
