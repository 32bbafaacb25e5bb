import type { ByteWriter } from '../bytes.ts'
import { EncodeError } from '../serde.ts'
import { writeText } from '../text.ts'
import { maximumItems } from './runtime.ts'

const refuse = (place: string, value: unknown, wanted: string): EncodeError =>
  new EncodeError(`${place} takes ${wanted}, not ${show(value)}.`)

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

const single = new Float32Array(1)
const singleBytes = new Uint8Array(single.buffer)
const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/** What generated encoders call. `place` is the field, for errors. */
export const writers = {
  refuse,
  boolean(out: ByteWriter, value: boolean, place: string): void {
    if (typeof value !== 'boolean') throw refuse(place, value, 'a boolean')
    out.u8(value ? 1 : 0)
  },
  int(out: ByteWriter, value: number, place: string): void {
    if ((value | 0) !== value) throw refuse(place, value, 'an integer of 32 bits')
    out.varint(value)
  },
  long(out: ByteWriter, value: number, place: string): void {
    if (!Number.isSafeInteger(value)) throw refuse(place, value, 'a safe integer')
    out.varint(value)
  },
  float(out: ByteWriter, value: number, place: string): void {
    if (typeof value !== 'number') throw refuse(place, value, 'a number')
    single[0] = value
    out.raw(singleBytes)
  },
  double(out: ByteWriter, value: number, place: string): void {
    if (typeof value !== 'number') throw refuse(place, value, 'a number')
    double[0] = value
    out.raw(doubleBytes)
  },
  string(out: ByteWriter, value: string, place: string): void {
    if (typeof value !== 'string') throw refuse(place, value, 'a text')
    // The length stands in front: one byte for up to 63 bytes, and what is longer is moved when it turns out so.
    const at = out.length
    out.u8(0)
    writeText(value, out)
    const size = out.length - at - 1
    if (size < 64) {
      out.bytes[at] = size * 2
      return
    }
    const extra = size < 8192 ? 1 : size < 1048576 ? 2 : size < 134217728 ? 3 : 4
    out.reserve(extra)
    out.bytes.copyWithin(at + 1 + extra, at + 1, out.length)
    out.length = at
    out.varint(size)
    out.length += size
  },
  bytes(out: ByteWriter, value: Uint8Array, place: string): void {
    if (!(value instanceof Uint8Array)) throw refuse(place, value, 'bytes')
    out.varint(value.length)
    out.raw(value)
  },
  fixed(out: ByteWriter, value: Uint8Array, place: string, size: number): void {
    if (!(value instanceof Uint8Array) || value.length !== size) throw refuse(place, value, `${size} bytes`)
    out.raw(value)
  },
  checkRecord(value: unknown, place: string): void {
    if (typeof value !== 'object' || value === null) throw refuse(place, value, 'an object')
    if ((value as { $b?: unknown }).$b !== undefined && Object.hasOwn(value, '$b') && !('toJSON' in value)) {
      throw new EncodeError(
        `${place} was spread from a record that was read, which copies nothing. Spread plain(record) instead.`,
      )
    }
  },
  checkList(value: unknown, place: string): void {
    if (!Array.isArray(value)) throw refuse(place, value, 'a list')
    if (value.length > maximumItems) throw refuse(place, `${value.length} items`, `at most ${maximumItems} items`)
  },
  keys(value: object, place: string): string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(place, value, 'an object')
    const keys = Object.keys(value)
    if (keys.length > maximumItems) throw refuse(place, `${keys.length} entries`, `at most ${maximumItems} entries`)
    return keys
  },
}
