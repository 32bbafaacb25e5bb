import { longerInts } from './longer.ts'

/** A size for each row, and their sum. */
export class RowSizes {
  #sizes = new Int32Array(64)
  sum = 0

  set(row: number, size: number): void {
    if (row >= this.#sizes.length) this.#sizes = longerInts(this.#sizes, row + 1)
    this.sum += size - this.#sizes[row]!
    this.#sizes[row] = size
  }
}

/** What a row costs beside its bytes: its place in the tables. */
const overheadBytes = 80
/** What a decoded value costs beside its bytes and as many again: its objects. */
const decodedOverheadBytes = 160

/** What a row takes in memory, roughly. */
export const rowBytes = (isCool: boolean, keyBytes: number, valueBytes: number): number =>
  overheadBytes + keyBytes + (isCool ? valueBytes : decodedOverheadBytes + valueBytes * 2)
