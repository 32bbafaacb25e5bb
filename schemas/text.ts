import { isUtf8 } from 'node:buffer'
import type { Buffer } from 'node:buffer'
import type { ByteWriter, NativeBuffer } from './bytes.ts'
import { DecodeError, EncodeError } from './serde.ts'

/** Up to this length a loop over the characters takes the place of a call into Node, which has a cost of its own. */
const shortText = 40

/**
 * Appends `value` as UTF-8, without a length. Half a surrogate pair has no UTF-8: an `EncodeError`, not a silent
 * U+FFFD.
 */
export function writeText(value: string, out: ByteWriter): void {
  const size = value.length
  if (size > shortText) return writeAnyText(value, out)
  const bytes = out.reserve(size)
  const at = out.length
  for (let i = 0; i < size; i++) {
    const code = value.charCodeAt(i)
    if (code > 127) return writeAnyText(value, out)
    bytes[at + i] = code
  }
  out.length = at + size
}

function writeAnyText(value: string, out: ByteWriter): void {
  if (!value.isWellFormed())
    throw new EncodeError('The text holds half of a surrogate pair, which has no UTF-8. Clean the text first.')
  out.text(value)
}

/** The text in `bytes[start, end)`. Throws a `DecodeError` when they are not UTF-8. */
export function readText(bytes: Buffer, start: number, end: number): string {
  if (isAsciiRange(bytes, start, end)) return (bytes as NativeBuffer).latin1Slice(start, end)
  checkUtf8(bytes, start, end)
  return (bytes as NativeBuffer).utf8Slice(start, end)
}

export function isAsciiRange(bytes: Buffer, start: number, end: number): boolean {
  let bits = 0
  for (let i = start; i < end; i++) bits |= bytes[i]!
  return bits < 128
}

export function checkUtf8(bytes: Buffer, start: number, end: number): void {
  if (!isUtf8(bytes.subarray(start, end)))
    throw new DecodeError('ERR_DECODE', `The ${end - start} bytes of a text are not UTF-8.`)
}

/** Compares by the bytes of UTF-8, that is by code points, without encoding. Negative, 0 or positive. */
export function compareUtf8(a: string, b: string): number {
  const size = Math.min(a.length, b.length)
  for (let i = 0; i < size; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** Surrogates stand for code points beyond all that one unit can say. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)
