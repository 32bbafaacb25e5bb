import type { Buffer } from 'node:buffer'
import type { NativeBuffer } from '../bytes.ts'
import { DecodeError } from '../serde.ts'
import { checkUtf8 } from '../text.ts'

// What generated readers call. A function that reads leaves the place after what it read in `cursor.at`.
//
// Reads are not checked against the end one by one: the place only ever grows, so one comparison at the end of the
// record finds whatever went beyond it. Lengths and counts are checked where they are read, before anything depends
// on them.

export const cursor = { at: 0 }

/** Items of one array or map. More are refused, both ways, before anything is allocated for them. */
export const maximumItems = 100_000
/** Records within records, for schemas that refer to themselves. */
const maximumDepth = 64

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const single = new Float32Array(1)
const singleBytes = new Uint8Array(single.buffer)

export const readers = {
  cursor,

  /** An `int`: zig-zag, at most 32 bits. */
  int(bytes: Buffer, at: number): number {
    const value = readers.long(bytes, at)
    if ((value | 0) !== value) throw bad(`an int of ${value}`)
    return value
  },

  /** A `long` within the safe integers. */
  long(bytes: Buffer, at: number): number {
    let byte = bytes[at++]!
    let low = byte & 127
    let high = 0
    if (byte > 127) {
      byte = bytes[at++]!
      low |= (byte & 127) << 7
      if (byte > 127) {
        byte = bytes[at++]!
        low |= (byte & 127) << 14
        if (byte > 127) {
          byte = bytes[at++]!
          low |= (byte & 127) << 21
          if (byte > 127) {
            cursor.at = at
            high = readHigh(bytes)
            at = cursor.at
          }
        }
      }
    }
    cursor.at = at
    const magnitude = high * 0x8000000 + (low >>> 1)
    if ((low & 1) === 0) return magnitude
    if (magnitude === Number.MAX_SAFE_INTEGER) throw bad('a long beyond the safe integers (2^53 - 1)')
    return -magnitude - 1
  },

  /** Moves past an integer that nobody reads: its place in `cursor.at`. */
  skipLong(bytes: Buffer, at: number): number {
    const start = at
    while (bytes[at++]! > 127) if (at - start === 10) throw bad('an integer of more than 10 bytes')
    return at
  },

  /** The length of a text or of bytes, which the record has. */
  length(bytes: Buffer, at: number, end: number): number {
    const size = readers.long(bytes, at)
    if (size < 0 || size > end - cursor.at)
      throw bad(`a length of ${size} where ${Math.max(0, end - cursor.at)} bytes are left`)
    return size
  },

  /** Checks a text: the place after it when it is ASCII, else the negative of that. */
  checkText(bytes: Buffer, at: number, end: number): number {
    let size = bytes[at++]!
    if ((size & 129) !== 0) {
      size = readers.length(bytes, at - 1, end)
      at = cursor.at
    } else size >>>= 1
    const stop = at + size
    if (!(stop <= end)) throw cutOff()
    let bits = 0
    for (let i = at; i < stop; i++) bits |= bytes[i]!
    if (bits < 128) return stop
    checkUtf8(bytes, at, stop)
    return -stop
  },

  skipText(bytes: Buffer, at: number, end: number): number {
    const stop = readers.checkText(bytes, at, end)
    return stop < 0 ? -stop : stop
  },

  skipBytes(bytes: Buffer, at: number, end: number): number {
    const size = readers.length(bytes, at, end)
    return cursor.at + size
  },

  /** A text that was checked, at a place that `ascii` tells of. */
  text(bytes: NativeBuffer, at: number, ascii: boolean): string {
    let size = bytes[at++]!
    if (size > 127) {
      size = readers.long(bytes, at - 1)
      at = cursor.at
    } else size >>>= 1
    const stop = (cursor.at = at + size)
    return ascii ? bytes.latin1Slice(at, stop) : bytes.utf8Slice(at, stop)
  },

  bytes(bytes: Buffer, at: number): Buffer {
    const size = readers.long(bytes, at)
    const start = cursor.at
    return bytes.subarray(start, (cursor.at = start + size))
  },

  fixed(bytes: Buffer, at: number, size: number): Buffer {
    return bytes.subarray(at, (cursor.at = at + size))
  },

  double(bytes: Buffer, at: number): number {
    for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i]!
    cursor.at = at + 8
    return double[0]!
  },

  float(bytes: Buffer, at: number): number {
    for (let i = 0; i < 4; i++) singleBytes[i] = bytes[at + i]!
    cursor.at = at + 4
    return single[0]!
  },

  boolean(bytes: Buffer, at: number): boolean {
    const byte = bytes[at]!
    if (byte > 1) throw bad(`a boolean of ${byte}`)
    cursor.at = at + 1
    return byte === 1
  },

  /** Checks the sum of a count: of one block, or of all so far. */
  checkCount(count: number): void {
    if (count > maximumItems) throw bad(`an array or map of ${count} items, more than ${maximumItems}`)
  },

  checkDepth(depth: number): void {
    if (depth > maximumDepth) throw bad(`records nested deeper than ${maximumDepth} levels`)
  },

  badBranch: (index: number): DecodeError => bad(`branch ${index} of a union, which it does not have`),
  badSymbol: (name: string, index: number): DecodeError =>
    bad(`symbol ${index} of the enum ${name}, which the reader does not know and has no default for`),
  badBlock: (): DecodeError => bad('a block of items whose size in bytes is wrong'),
  refused: (message: string): DecodeError => bad(message),
  cutOff: (): DecodeError => cutOff(),
  checkEnd(at: number, end: number): void {
    if (at !== end) throw at > end ? cutOff() : bad(`${end - at} bytes left over after the value`)
  },
}

/** The bits of an integer above the lowest 28. More than 26 of them are beyond the safe integers. */
function readHigh(bytes: Buffer): number {
  let at = cursor.at
  let high = 0
  let scale = 1
  for (let count = 5; ; count++) {
    if (count > 10) throw bad('an integer of more than 10 bytes')
    const byte = bytes[at++]!
    high += (byte & 127) * scale
    scale *= 128
    if (!(byte > 127)) break
  }
  if (high >= 0x4000000) throw bad('a long beyond the safe integers (2^53 - 1)')
  cursor.at = at
  return high
}

const bad = (what: string): DecodeError => new DecodeError('ERR_DECODE', `The Avro bytes hold ${what}.`)
const cutOff = (): DecodeError => new DecodeError('ERR_DECODE', 'The Avro bytes end in the middle of a value.')
