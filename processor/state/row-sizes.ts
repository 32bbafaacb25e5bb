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
