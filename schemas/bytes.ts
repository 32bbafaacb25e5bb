import { Buffer } from 'node:buffer'

/** What Node's buffers offer without declaring it: `write` and `toString` of one encoding, without their checks. */
export type NativeBuffer = Buffer & {
  utf8Write(value: string, at: number): number
  utf8Slice(start: number, end: number): string
  latin1Slice(start: number, end: number): string
}

/**
 * A growing buffer that serdes write into. `bytes` is replaced when it grows: read it after the last write, and copy
 * what must outlive the next `reset`.
 */
export class ByteWriter {
  bytes: Buffer
  /** How many bytes are written. */
  length = 0

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  reset(): void {
    this.length = 0
  }

  /** Makes room for `size` more bytes and returns the buffer, which may be a new one. */
  reserve(size: number): Buffer {
    const needed = this.length + size
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    return this.bytes
  }

  u8(value: number): void {
    const bytes = this.reserve(1)
    bytes[this.length++] = value
  }

  /** A signed 16-bit integer, big-endian. */
  i16(value: number): void {
    this.reserve(2)
    this.length = this.bytes.writeInt16BE(value, this.length)
  }

  /** A signed 32-bit integer, big-endian. */
  i32(value: number): void {
    const bytes = this.reserve(4)
    const at = this.length
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
    this.length = at + 4
  }

  /** A signed 64-bit integer, big-endian, from a safe integer. */
  i64(value: number): void {
    this.i32(Math.floor(value / 4294967296))
    this.i32(value >>> 0)
  }

  f64(value: number): void {
    this.reserve(8)
    this.length = this.bytes.writeDoubleBE(value, this.length)
  }

  /** An unsigned LEB128 integer, up to 2^53 - 1. */
  uvarint(value: number): void {
    const bytes = this.reserve(8)
    let at = this.length
    let rest = value
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[at++] = rest
    this.length = at
  }

  /** A zig-zag LEB128 integer (Avro's `int` and `long`), within the safe integers. */
  varint(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) return this.uvarint((value << 1) ^ (value >> 31))
    // 28 bits first, then the rest, which has 26 at most: no number leaves the exact ones, and none becomes a bigint.
    const magnitude = value < 0 ? -(value + 1) : value
    const high = Math.floor(magnitude / 0x8000000)
    const low = (magnitude - high * 0x8000000) * 2 + (value < 0 ? 1 : 0)
    const bytes = this.reserve(8)
    const at = this.length
    bytes[at] = low | 128
    bytes[at + 1] = (low >>> 7) | 128
    bytes[at + 2] = (low >>> 14) | 128
    bytes[at + 3] = (low >>> 21) | 128
    this.length = at + 4
    this.uvarint(high)
  }

  /** A zig-zag LEB128 integer of 64 bits. */
  bigVarint(value: bigint): void {
    const bytes = this.reserve(10)
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (rest > 127n) {
      bytes[this.length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    bytes[this.length++] = Number(rest)
  }

  /** Text as UTF-8, without a length. */
  text(value: string): void {
    this.reserve(value.length * 3)
    this.length += (this.bytes as NativeBuffer).utf8Write(value, this.length)
  }

  /** The bytes `[start, end)` of `from`. */
  raw(from: Uint8Array, start = 0, end = from.length): void {
    const size = end - start
    const bytes = this.reserve(size)
    const at = this.length
    if (size <= 32) for (let i = 0; i < size; i++) bytes[at + i] = from[start + i]!
    else bytes.set(start === 0 && end === from.length ? from : from.subarray(start, end), at)
    this.length = at + size
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length))
  }
}
