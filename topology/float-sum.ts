import type { Buffer } from 'node:buffer'
import type { ByteWriter } from '../schemas/bytes.ts'
import { DecodeError } from '../schemas/serde.ts'
import type { StateSerde } from './aggregate-state.ts'
import { LimitError } from './errors.ts'

// Sums of doubles without rounding. A plain sum of doubles depends on its order, and so on how records are spread over
// tasks, where a window was folded anew and when a process was restarted; and what was added cannot leave again. Here
// the sum is kept whole, as a few doubles that do not overlap, and only the result is rounded, once.
//
// Shewchuk (1997), "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", section 2.3;
// the exact sum and product of two doubles are those of Knuth and of Dekker (1971).

/** The exact sum of doubles: its parts do not overlap, the smallest comes first, none is zero. */
export type FloatSum = number[]

/** Adds a finite double, exactly. Throws a `LimitError` when the sum leaves the doubles (1.8e308). */
export function addFloat(parts: FloatSum, value: number): void {
  let rest = value
  let used = 0
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    const total = rest + part
    const virtual = total - rest
    const error = rest - (total - virtual) + (part - virtual)
    if (error !== 0) parts[used++] = error
    rest = total
  }
  if (!Number.isFinite(rest)) throw new LimitError('A sum of doubles left their range (1.8e308). Sum a larger unit.')
  if (rest !== 0) parts[used++] = rest
  if (parts.length !== used) parts.length = used
}

export function addFloats(parts: FloatSum, others: readonly number[]): void {
  for (let i = 0; i < others.length; i++) addFloat(parts, others[i]!)
}

/** The double nearest to the sum, the even one of two. */
export function roundFloat(parts: FloatSum): number {
  let i = parts.length - 1
  if (i < 0) return 0
  let high = parts[i]!
  let low = 0
  while (i > 0 && low === 0) {
    const next = parts[--i]!
    const total = high + next
    low = next - (total - high)
    high = total
  }
  // Halfway between two doubles, so far; what is below decides.
  if (i > 0 && low < 0 === parts[i - 1]! < 0) {
    const twice = low * 2
    const other = high + twice
    if (other - high === twice) return other
  }
  return high
}

/** Adds `left * right * sign`, exactly, but for what is below the smallest double (5e-324). */
export function addProduct(parts: FloatSum, left: number, right: number, sign: 1 | -1): void {
  const product = left * right
  const leftHigh = upperHalf(left)
  const leftLow = left - leftHigh
  const rightHigh = upperHalf(right)
  const rightLow = right - rightHigh
  const error = leftLow * rightLow - (product - leftHigh * rightHigh - leftLow * rightHigh - leftHigh * rightLow)
  if (error !== 0) addFloat(parts, sign * error)
  addFloat(parts, sign * product)
}

/** The upper 26 bits of a double (Veltkamp). */
function upperHalf(value: number): number {
  const scaled = 134_217_729 * value
  return scaled - (scaled - value)
}

/**
 * The parts of each sum that there is exactly one way to write: the nearest double, the nearest to the rest, and so on.
 * Smallest first.
 */
function canonical(parts: FloatSum): readonly number[] {
  if (parts.length < 2) return parts
  const left = parts.slice()
  const nearest: number[] = []
  while (left.length > 0) {
    const part = roundFloat(left)
    nearest.push(part)
    addFloat(left, -part)
  }
  return nearest.toReversed()
}

/** The number of parts in a byte, then the parts: mostly 9 bytes, 17 with fractions, never more than 321. */
export const floatSumState: StateSerde<FloatSum> = {
  name: 'floatSum',
  write: writeFloatSum,
  read(bytes, start, end) {
    const size = floatSumSize(bytes, start)
    if (start + size !== end) throw damaged()
    return readFloatSum(bytes, start, end)
  },
}

export function writeFloatSum(sum: FloatSum, out: ByteWriter): void {
  const parts = canonical(sum)
  out.u8(parts.length)
  for (const part of parts) out.f64(part)
}

/** How many bytes the sum at `start` takes. */
export const floatSumSize = (bytes: Buffer, start: number): number => 1 + 8 * (bytes[start] ?? 0)

/** The sum at `start`, which must lie before `end`. */
export function readFloatSum(bytes: Buffer, start: number, end: number): FloatSum {
  if (start >= end || start + floatSumSize(bytes, start) > end) throw damaged()
  const parts: FloatSum = []
  for (let i = 0; i < bytes[start]!; i++) {
    const part = bytes.readDoubleBE(start + 1 + 8 * i)
    // The part below is half of the last place at most.
    const isApart = i === 0 || part + parts[i - 1]! / 2 === part
    if (!Number.isFinite(part) || part === 0 || !isApart) throw damaged()
    parts.push(part)
  }
  return parts
}

const damaged = (): DecodeError => new DecodeError('ERR_DECODE', 'The state of a sum of doubles is damaged.')
