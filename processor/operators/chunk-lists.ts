import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import { DecodeError } from '../../schemas/serde.ts'
import { longerFloats, longerInts } from '../state/longer.ts'
import { RowArena } from '../state/row-arena.ts'

const scratch = new ByteWriter(256)
const leastBlockBytes = 24
const firstBytes = 8
const wrongList = 'These bytes hold no list of chunks.'
const noBytes = Buffer.alloc(0)

/**
 * For each of many rows the ascending numbers of its chunks, as bytes: the first as a double, then the distance of each
 * from the one before as LEB128. That is also how they are stored.
 */
export class ChunkLists {
  readonly #arena = new RowArena()
  #sizes = new Int32Array(64)
  /** The greatest number of the row; NaN for none. */
  #lasts = new Float64Array(64)

  get bytes(): number {
    return this.#arena.liveBytes
  }

  /** The row's numbers are those in `bytes`, which `write` or `encoded` made. */
  load(row: number, bytes: Buffer): void {
    if (row >= this.#sizes.length) {
      this.#sizes = longerInts(this.#sizes, row + 1)
      this.#lasts = longerFloats(this.#lasts, row + 1)
    }
    this.#sizes[row] = 0
    this.#lasts[row] = NaN
    if (bytes.length === 0) return
    this.#append(row, bytes, bytes.length)
    this.#lasts[row] = readChunkList(bytes).at(-1)!
  }

  /** The greatest number, NaN for a row without any. */
  last(row: number): number {
    return this.#lasts[row]!
  }

  /** Adds a number, which must be greater than all of the row. */
  push(row: number, number: number): void {
    const last = this.#lasts[row]!
    scratch.reset()
    writeNumber(number, last)
    this.#append(row, scratch.bytes, scratch.length)
    this.#lasts[row] = number
  }

  /** A copy of the row's numbers, as they are stored. */
  encoded(row: number): Buffer {
    const size = this.#sizes[row]!
    if (size === 0) return noBytes
    const copy = Buffer.allocUnsafe(size)
    const start = this.#arena.start(row)
    this.#arena.bytes(row).copy(copy, 0, start, start + size)
    return copy
  }

  free(row: number): void {
    this.#arena.free(row)
    this.#sizes[row] = 0
    this.#lasts[row] = NaN
  }

  /** Gives memory back. */
  tidy(): void {
    this.#arena.tidy()
  }

  #append(row: number, bytes: Buffer, size: number): void {
    const used = this.#sizes[row]!
    const needed = used + size
    if (needed > this.#arena.capacity(row)) {
      this.#arena.grow(row, Math.max(leastBlockBytes, needed + (needed >>> 3) + firstBytes), used, 0)
    }
    bytes.copy(this.#arena.bytes(row), this.#arena.start(row) + used, 0, size)
    this.#sizes[row] = needed
  }
}

function writeNumber(number: number, last: number): void {
  if (Number.isNaN(last)) scratch.f64(number)
  else if (number > last) scratch.uvarint(number - last)
  else throw new RangeError(`Chunk ${number} cannot follow chunk ${last}.`)
}

/** Ascending numbers as `ChunkLists` stores them. */
export function writeChunkList(numbers: readonly number[]): Buffer {
  scratch.reset()
  let last = NaN
  for (const number of numbers) {
    writeNumber(number, last)
    last = number
  }
  return scratch.copy()
}

/** The numbers in `bytes`. Throws for bytes that hold no such list. */
export const readChunkList = (bytes: Buffer): readonly number[] => splitChunkList(bytes, () => true).gone

/** Takes numbers from the front of a list while they go, and says what is left: a copy. */
export function splitChunkList(
  bytes: Buffer,
  goes: (number: number, before: number) => boolean,
): { readonly gone: readonly number[]; readonly kept: Buffer } {
  const gone: number[] = []
  if (bytes.length === 0) return { gone, kept: noBytes }
  if (bytes.length < firstBytes) throw new DecodeError('ERR_DECODE', wrongList)
  let number = bytes.readDoubleBE(0)
  let at = firstBytes
  while (goes(number, gone.length)) {
    gone.push(number)
    if (at === bytes.length) return { gone, kept: noBytes }
    let distance = 0
    let factor = 1
    let byte = 128
    while (byte >= 128) {
      if (at === bytes.length || factor > Number.MAX_SAFE_INTEGER) throw new DecodeError('ERR_DECODE', wrongList)
      byte = bytes[at++]!
      distance += (byte & 127) * factor
      factor *= 128
    }
    number += distance
  }
  const kept = Buffer.allocUnsafe(firstBytes + bytes.length - at)
  kept.writeDoubleBE(number, 0)
  bytes.copy(kept, firstBytes, at)
  return { gone, kept }
}
