import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../schemas/bytes.ts'
import { addFloat, addProduct, floatSumState, roundFloat } from './float-sum.ts'
import { stddev } from './statistics.ts'

// The oracle: every double is a whole number of 2^-1074.

function scaled(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = (bits >> 52n) & 2047n
  const fraction = bits & ((1n << 52n) - 1n)
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
  return bits >> 63n === 1n ? -magnitude : magnitude
}

/** The double nearest to `total / 2^1074`, ties to even. */
function nearest(total: bigint): number {
  const magnitude = total < 0n ? -total : total
  const shift = Math.max(0, magnitude.toString(2).length - 64)
  const top = magnitude >> BigInt(shift)
  // What was cut off only matters as "a little more".
  const sticky = top << BigInt(shift) === magnitude ? 0n : 1n
  const value = Number(top | sticky) * 2 ** (shift - 1074)
  return total < 0n ? -value : value
}

const doubles = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
  fc.double({ noNaN: true, min: -1, max: 1 }),
  fc.constantFrom(0.1, 0.2, 0.3, 1, 2 ** 53, 2 ** -53, 2 ** -54, 1 + 2 ** -52, -1, 5e-324, -0),
  fc.integer({ min: -1000, max: 1000 }).map(exponent => 2 ** exponent),
)

test('the rounded sum is the double nearest to the sum of all values', () => {
  fc.assert(
    fc.property(fc.array(doubles, { maxLength: 40 }), values => {
      const parts: number[] = []
      for (const value of values) addFloat(parts, value)
      expect(roundFloat(parts) + 0).toBe(nearest(values.reduce((total, value) => total + scaled(value), 0n)) + 0)
    }),
    { numRuns: 2000 },
  )
})

test('a product is added exactly', () => {
  const factor = fc.double({ noNaN: true, min: -(2 ** 400), max: 2 ** 400 }).filter(x => Math.abs(x) > 2 ** -400)
  fc.assert(
    fc.property(factor, factor, (left, right) => {
      const parts: number[] = []
      addProduct(parts, left, right, 1)
      const sum = parts.reduce((total, part) => total + scaled(part), 0n)
      expect(sum << 1074n).toBe(scaled(left) * scaled(right))
      addProduct(parts, left, right, -1)
      expect(parts).toEqual([])
    }),
  )
})

test('equal sums have equal bytes, however they came about', () => {
  fc.assert(
    fc.property(fc.array(doubles, { maxLength: 20 }), values => {
      const bytes = (ordered: readonly number[]): Buffer => {
        const parts: number[] = []
        for (const value of ordered) addFloat(parts, value)
        const out = new ByteWriter()
        floatSumState.write(parts, out)
        return out.copy()
      }
      expect(bytes(values.toReversed())).toEqual(bytes(values))
      expect(bytes([...values, 0.1, ...values.map(value => -value), -0.1])).toEqual(bytes([]))
    }),
  )
})

test('ten tenths are one, and a sum beyond the doubles is refused', () => {
  const parts: number[] = []
  for (let i = 0; i < 10; i++) addFloat(parts, 0.1)
  expect(roundFloat(parts)).toBe(1)
  addFloat(parts, 1.7e308)
  expect(() => addFloat(parts, 1.7e308)).toThrow(expect.objectContaining({ code: 'LIMIT' }))
})

test('a standard deviation keeps its digits where the values are large and close together', () => {
  const deviation = (values: readonly number[]): number | undefined => {
    const aggregate = stddev<number>(value => value)
    return aggregate.result(values.reduce((moments, value) => aggregate.add(moments, value), aggregate.init()))
  }
  expect(deviation([4, 7, 13, 16])).toBe(Math.sqrt(22.5))
  expect(deviation([4, 7, 13, 16].map(value => value + 1e15))).toBe(Math.sqrt(22.5))
  expect(deviation([0.1, 0.1, 0.1])).toBe(0)
  expect(deviation([3e135, 0, 1].slice(1))).toBe(0.5)
  expect(() => deviation([3e135])).toThrow('whose square is too large')
})
