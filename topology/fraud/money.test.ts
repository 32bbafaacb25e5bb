import { expect, test } from 'vitest'
import { minus, plus, productExceeds } from './money.ts'

const most = Number.MAX_SAFE_INTEGER

test('sums are exact on both sides of the safe integers, and numbers again when they fit', () => {
  expect(plus(most, 1)).toBe(BigInt(most) + 1n)
  expect(plus(plus(most, most), 3)).toBe(2n * BigInt(most) + 3n)
  expect(minus(plus(most, 2), 2)).toBe(most)
  expect(minus(1, 3)).toBe(-2)
})

test('products are compared exactly', () => {
  expect(productExceeds(5, 3, 5, 3)).toBe(false)
  expect(productExceeds(16, 1, 5, 3)).toBe(true)
  // As doubles both sides are 2^53 * 10.
  expect(productExceeds(2 ** 53 - 1, 10, 10, 2 ** 53 - 1)).toBe(false)
  expect(productExceeds(2 ** 52 + 1, 20, 20, 2 ** 52)).toBe(true)
  expect(productExceeds(plus(most, 2), 1, plus(most, 1), 1)).toBe(true)
})
