import type { Buffer } from 'node:buffer'

/** The bytes are not what the protocol says. Its message says what was expected; the caller knows of which message. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes'
}

/** Reads one message. Bytes are views of its buffer; reading past the end throws `MalformedBytes`. */
export class Reader {
  readonly #buffer: Buffer
  #at: number
  readonly #end: number

  constructor(buffer: Buffer, start = 0) {
    this.#buffer = buffer
    this.#at = start
    this.#end = buffer.length
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  uint16(): number {
    return this.#buffer.readUInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  /** Within the safe integers, as all offsets, times and ids of a real cluster are. */
  int64(): number {
    const at = this.#take(8)
    const value = this.#buffer.readInt32BE(at) * 4294967296 + this.#buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new MalformedBytes(`an int64 beyond 2^53 at byte ${at}`)
    return value
  }

  float64(): number {
    return this.#buffer.readDoubleBE(this.#take(8))
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)]!
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new MalformedBytes(`a varint of more than 5 bytes at byte ${this.#at - 5}`)
  }

  text(size: number): string {
    const at = this.#take(size)
    return this.#buffer.toString('utf8', at, at + size)
  }

  uuid(): string {
    const at = this.#take(16)
    return this.#buffer.toString('hex', at, at + 16)
  }

  /** A view, not a copy. */
  raw(size: number): Buffer {
    const at = this.#take(size)
    return this.#buffer.subarray(at, at + size)
  }

  skip(size: number): void {
    this.#take(size)
  }

  #take(size: number): number {
    const at = this.#at
    if (size < 0 || size > this.#end - at) {
      throw new MalformedBytes(`${size} bytes wanted at byte ${at}, ${this.#end - at} are left`)
    }
    this.#at = at + size
    return at
  }
}
