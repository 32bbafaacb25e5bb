import type { Buffer } from 'node:buffer'
import { bufferPool } from '../../schemas/buffer-pool.ts'
import { longerInts } from './longer.ts'

/** Bytes that many rows share. They go back to the pool when no row has a part of them any more. */
export class SharedBytes {
  readonly bytes: Buffer
  #rows = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  hold(): void {
    this.#rows++
  }

  release(): void {
    if (--this.#rows === 0) bufferPool.give(this.bytes)
  }
}

/** A byte range for each row, in bytes that many rows share. An end of -1 stands for a deletion. */
export class RowBytes {
  readonly #shared: (SharedBytes | null)[] = []
  #starts = new Int32Array(64)
  #ends = new Int32Array(64)

  /** For a row that has no range, or was cleared. `hold` follows. */
  set(row: number, start: number, end: number): void {
    if (row >= this.#starts.length) this.#grow(row)
    this.#starts[row] = start
    this.#ends[row] = end
  }

  /** A copy of `bytes[0, size)` holds the ranges of all these rows. */
  share(rows: readonly number[], bytes: Buffer, size: number): void {
    const shared = new SharedBytes(bufferPool.take(size))
    bytes.copy(shared.bytes, 0, 0, size)
    for (const row of rows) this.hold(row, shared)
  }

  /** Says where the row's range is. */
  hold(row: number, shared: SharedBytes): void {
    shared.hold()
    this.#shared[row] = shared
  }

  /** Whoever keeps a part of it copies that: it is written over when the rows are done with it. */
  buffer(row: number): Buffer {
    return this.#shared[row]!.bytes
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
    this.clear(row)
    this.set(row, from.start(row), from.end(row))
    this.#shared[row] = from.#shared[row]!
    from.#shared[row] = null
  }

  /** Lets go of the row's bytes. */
  clear(row: number): void {
    this.#shared[row]?.release()
    if (row < this.#shared.length) this.#shared[row] = null
  }

  #grow(row: number): void {
    this.#starts = longerInts(this.#starts, row + 1)
    this.#ends = longerInts(this.#ends, row + 1)
  }
}
