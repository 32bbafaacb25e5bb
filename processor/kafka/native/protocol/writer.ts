import { Buffer } from 'node:buffer'

const smallBytes = 512
/** From here on bytes are passed on by reference instead of being copied. */
const referenceBytes = 1024

/** Writes one message as a list of chunks: what is small together in buffers of its own, record batches as they are. */
export class Writer {
  #buffer = Buffer.allocUnsafe(smallBytes)
  #at = 0
  #start = 0
  #length = 0
  readonly #chunks: Buffer[] = []

  /** Bytes written so far. */
  get length(): number {
    return this.#length + this.#at - this.#start
  }

  int8(value: number): void {
    this.#reserve(1)
    this.#at = this.#buffer.writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(value, this.#at)
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#at = this.#buffer.writeUInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#reserve(4)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
  }

  int64(value: number | bigint): void {
    this.#reserve(8)
    this.#at = this.#buffer.writeBigInt64BE(BigInt(value), this.#at)
  }

  float64(value: number): void {
    this.#reserve(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  /** An unsigned LEB128 integer of 32 bits. */
  uvarint(value: number): void {
    this.#reserve(5)
    let rest = value >>> 0
    while (rest > 127) {
      this.#buffer[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#buffer[this.#at++] = rest
  }

  text(value: string, size: number): void {
    this.#reserve(size)
    this.#at += this.#buffer.write(value, this.#at, size, 'utf8')
  }

  /** Thirty-two hexadecimal digits. */
  uuid(value: string): void {
    this.#reserve(16)
    this.#at += this.#buffer.write(value, this.#at, 16, 'hex')
  }

  raw(bytes: Buffer): void {
    if (bytes.length >= referenceBytes) {
      this.#cut()
      this.#chunks.push(bytes)
      this.#length += bytes.length
      return
    }
    this.#reserve(bytes.length)
    bytes.copy(this.#buffer, this.#at)
    this.#at += bytes.length
  }

  /** Everything written, in order; the writer is done with. */
  chunks(): Buffer[] {
    this.#cut()
    return this.#chunks
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return
    this.#cut()
    this.#buffer = Buffer.allocUnsafe(Math.max(smallBytes, size))
    this.#at = this.#start = 0
  }

  #cut(): void {
    if (this.#at === this.#start) return
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#at))
    this.#length += this.#at - this.#start
    this.#start = this.#at
  }
}
