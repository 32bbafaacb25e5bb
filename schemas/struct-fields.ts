import type { Buffer } from 'node:buffer'
import type { ByteWriter } from './bytes.ts'
import { DecodeError, EncodeError, type Serde } from './serde.ts'
import { readInt64 } from './int64.ts'
import { readText, writeText } from './text.ts'

// What the generated code of a struct calls. `put` of a fixed field answers where the next one starts; `get` of the
// others moves the cursor, which is one for all: reading never waits, and an inner struct is read with the cursor
// saved.

const cursor = { at: 0 }

export const fieldHelpers = {
  cursor,

  putInt32(bytes: Buffer, at: number, value: number, name: string): number {
    if ((value | 0) !== value) throw refuse(name, value, 'an integer of 32 bits')
    return bytes.writeInt32BE(value, at)
  },
  getInt32: (bytes: Buffer, at: number): number => bytes.readInt32BE(at),

  putInt64(bytes: Buffer, at: number, value: number, name: string): number {
    if (!Number.isSafeInteger(value)) throw refuse(name, value, 'a safe integer')
    const high = Math.floor(value / 4294967296)
    bytes[at] = high >>> 24
    bytes[at + 1] = high >>> 16
    bytes[at + 2] = high >>> 8
    bytes[at + 3] = high
    bytes[at + 4] = value >>> 24
    bytes[at + 5] = value >>> 16
    bytes[at + 6] = value >>> 8
    bytes[at + 7] = value
    return at + 8
  },
  getInt64: readInt64,

  putFloat64(bytes: Buffer, at: number, value: number, name: string): number {
    if (typeof value !== 'number') throw refuse(name, value, 'a number')
    return bytes.writeDoubleBE(value, at)
  },
  getFloat64: (bytes: Buffer, at: number): number => bytes.readDoubleBE(at),

  putBoolean(bytes: Buffer, at: number, value: boolean, name: string): number {
    if (typeof value !== 'boolean') throw refuse(name, value, 'a boolean')
    bytes[at] = value ? 1 : 0
    return at + 1
  },
  getBoolean: (bytes: Buffer, at: number): boolean => flag(bytes[at]!),

  putText(out: ByteWriter, value: string, name: string): void {
    if (typeof value !== 'string') throw refuse(name, value, 'a text')
    sized(out, () => writeText(value, out))
  },
  getText(bytes: Buffer, end: number): string {
    const at = take(bytes, end)
    return readText(bytes, at, cursor.at)
  },

  putBigint(out: ByteWriter, value: bigint, name: string): void {
    if (typeof value !== 'bigint') throw refuse(name, value, 'a bigint')
    let words = 1
    while (BigInt.asIntN(words * 64, value) !== value) words++
    if (words > 8191) throw refuse(name, 'a number of more than 64 KB', 'a bigint')
    out.i16(words * 8)
    for (let word = words - 1; word >= 0; word--) {
      out.reserve(8)
      out.length = out.bytes.writeBigInt64BE(BigInt.asIntN(64, value >> BigInt(word * 64)), out.length)
    }
  },
  getBigint(bytes: Buffer, end: number): bigint {
    if (cursor.at + 2 > end) throw cutOff()
    const size = bytes.readUInt16BE(cursor.at)
    const at = cursor.at + 2
    if (size === 0 || size % 8 !== 0 || at + size > end) throw cutOff()
    cursor.at = at + size
    let value = bytes.readBigInt64BE(at)
    for (let word = at + 8; word < at + size; word += 8) value = (value << 64n) | bytes.readBigUInt64BE(word)
    return value
  },

  putSerde(out: ByteWriter, value: unknown, _name: string, serde: Serde<unknown>): void {
    sized(out, () => serde.write(value, out))
  },
  getSerde(bytes: Buffer, end: number, serde: Serde<unknown>): unknown {
    const at = take(bytes, end)
    const next = cursor.at
    const value = serde.read(bytes, at, next)
    cursor.at = next
    return value
  },

  putList(out: ByteWriter, value: readonly unknown[], name: string, serde: Serde<unknown>): void {
    if (!Array.isArray(value)) throw refuse(name, value, 'a list')
    out.i32(value.length)
    for (const item of value) sized(out, () => serde.write(item, out))
  },
  getList(bytes: Buffer, end: number, serde: Serde<unknown>): unknown[] {
    if (cursor.at + 4 > end) throw cutOff()
    const count = bytes.readUInt32BE(cursor.at)
    cursor.at += 4
    // Each item takes 4 bytes at least: a count beyond that is not believed.
    if (count > (end - cursor.at) / 4) throw cutOff()
    const items: unknown[] = []
    for (let i = 0; i < count; i++) items.push(fieldHelpers.getSerde(bytes, end, serde))
    return items
  },

  present(bytes: Buffer, at: number, end: number): boolean {
    if (at >= end) throw cutOff()
    return flag(bytes[at]!)
  },
  checkHead(bytes: Buffer, start: number, end: number, version: number, size: number): void {
    if (end - start < size) throw cutOff()
    if (bytes[start] !== version) {
      throw new DecodeError(
        'ERR_DECODE',
        `The bytes are of version ${bytes[start]!} of this struct, and ${version} is defined.`,
      )
    }
  },
  checkEnd(at: number, end: number): void {
    if (at !== end) throw new DecodeError('ERR_DECODE', `The bytes of a struct end at ${at} and not at ${end}.`)
  },
}

/** Writes 4 bytes of length, then what `write` writes. */
function sized(out: ByteWriter, write: () => void): void {
  const at = out.length
  out.i32(0)
  write()
  out.bytes.writeInt32BE(out.length - at - 4, at)
}

/** Where the next sized bytes start; the cursor is moved to their end. */
function take(bytes: Buffer, end: number): number {
  const at = cursor.at + 4
  if (at > end) throw cutOff()
  const size = bytes.readUInt32BE(cursor.at)
  if (size > end - at) throw cutOff()
  cursor.at = at + size
  return at
}

function flag(byte: number): boolean {
  if (byte > 1) throw new DecodeError('ERR_DECODE', `A boolean of the value ${byte}.`)
  return byte === 1
}

const refuse = (name: string, value: unknown, wanted: string): EncodeError =>
  new EncodeError(`The field ${name} takes ${wanted}, not ${typeof value === 'string' ? 'a text' : String(value)}.`)

const cutOff = (): DecodeError =>
  new DecodeError('ERR_DECODE', 'The bytes of a struct end too early, or a length in them is wrong.')
