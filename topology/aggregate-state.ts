import type { Buffer } from 'node:buffer'
import type { ByteWriter } from '../schemas/bytes.ts'
import { readInt64 } from '../schemas/int64.ts'
import { DecodeError, type Serde } from '../schemas/serde.ts'

// How accumulators become bytes: fixed layouts where the size is known, so that a state costs a copy and not a parse.

/** A serde for accumulators; `sizeBytes` when every state has that size. */
export interface StateSerde<T> extends Serde<T> {
  readonly sizeBytes?: number
}

/** A safe integer in 8 bytes. */
export const integerState: StateSerde<number> = {
  name: 'integer',
  sizeBytes: 8,
  write: (value, out) => out.i64(value),
  read: (bytes, start, end) => (exactly(8, start, end), readInt64(bytes, start)),
}

/** A double in 8 bytes. */
export const doubleState: StateSerde<number> = {
  name: 'double',
  sizeBytes: 8,
  write: (value, out) => out.f64(value),
  read: (bytes, start, end) => (exactly(8, start, end), bytes.readDoubleBE(start)),
}

/** Throws unless `[start, end)` has `size` bytes. */
export function exactly(size: number, start: number, end: number): void {
  if (end - start !== size) {
    throw new DecodeError(
      'ERR_DECODE',
      `The state of an aggregate has ${end - start} bytes instead of ${size}. Was its definition changed under ` +
        'the same name?',
    )
  }
}

/** Writes through `serde` with the length in front, in 4 bytes. */
export function writeSized<T>(serde: Serde<T>, value: T, out: ByteWriter): void {
  const at = out.length
  out.i32(0)
  serde.write(value, out)
  out.bytes.writeInt32BE(out.length - at - 4, at)
}

/** A state that no accumulator was written as. */
export const damaged = (what: string): DecodeError =>
  new DecodeError('ERR_DECODE', `The state of an aggregate is damaged: it holds ${what}.`)

/** Walks over parts of a state, refusing to leave it. */
export class StateReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get done(): boolean {
    return this.#at === this.#end
  }

  /** Where the next `size` bytes start. */
  take(size: number): number {
    const at = this.#at
    if (size < 0 || at + size > this.#end)
      throw new DecodeError('ERR_DECODE', 'The state of an aggregate ends in the middle of a value.')
    this.#at = at + size
    return at
  }

  integer(): number {
    return readInt64(this.#bytes, this.take(8))
  }

  count(): number {
    return this.#bytes.readInt32BE(this.take(4))
  }

  byte(): number {
    return this.#bytes[this.take(1)]!
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.take(8))
  }

  /** An unsigned LEB128 integer, within the safe integers. */
  uvarint(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128 && Number.isSafeInteger(value)) return value
    }
    throw damaged('a number that is too long')
  }

  /** What `writeSized` wrote. */
  sized<T>(serde: Serde<T>): T {
    const size = this.count()
    const at = this.take(size)
    return serde.read(this.#bytes, at, at + size)
  }

  end(): void {
    if (!this.done)
      throw new DecodeError(
        'ERR_DECODE',
        'The state of an aggregate has bytes left over. Was its definition changed under the same name?',
      )
  }
}
