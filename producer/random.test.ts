import { expect, test } from 'vitest'
import { Draws, normalQuantile } from './random.ts'

const hex = (words: Int32Array): string => [...words].map(word => (word >>> 0).toString(16).padStart(8, '0')).join(' ')

test('Philox4x32-10 gives the published words', () => {
  const draws = new Draws(0)
  draws.u(0, 0, 0)
  expect(hex(draws.words)).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
})

test('seed 42 gives the values of the specification', () => {
  const draws = new Draws(42)
  expect(draws.u(6, 0, 0)).toBe(0.7362473134383819)
  expect(draws.u(6, 0, 1)).toBe(0.8849758263072662)
})

test('a draw depends on its address only, not on what was drawn before', () => {
  const wide = 2 ** 40 + 17
  const first = new Draws(7).u(3, wide, 5)
  const draws = new Draws(7)
  for (let k = 9; k >= 0; k--) draws.u(3, wide, k)
  expect(draws.u(3, wide, 5)).toBe(first)
  expect(draws.u(3, wide + 2 ** 33, 5)).not.toBe(first)
  expect(new Draws(7 + 2 ** 32).u(3, wide, 5)).not.toBe(first)
})

test('the generator of the specification begins with its published payment', () => {
  // Profile darooghe, seed 42: first payment T0 + 2 ms, cust_399, merch_3, 710,599.
  const draws = new Draws(42)
  const weights = [2, 6, 1, 1, 0.5]
  const logNormal = [
    [13.0, 0.75],
    [12.8, 0.8],
    [13.2, 0.9],
    [12.9, 0.7],
    [12.5, 0.6],
  ] as const
  let time = 0
  let index = 0
  for (; ; index++) {
    time += -Math.log(1 - draws.u(1, index, 0)) / ((100 * 2.5) / 60_000)
    // T0 is midnight: outside the peak hours.
    if (draws.u(1, index, 1) * 2.5 < 1) break
  }
  let left = draws.u(4, index, 0) * weights.reduce((sum, weight) => sum + weight)
  let category = 0
  while (left >= weights[category]!) left -= weights[category++]!
  const [mean, deviation] = logNormal[category]!
  expect({
    time: Math.floor(time),
    customer: 1 + draws.below(1000, 2, index, 0),
    merchant: 1 + draws.below(50, 3, index, 0),
    amount: Math.floor(Math.exp(mean + deviation * draws.z(6, index, 0))),
  }).toEqual({ time: 2, customer: 399, merchant: 3, amount: 710_599 })
})

test('the normal quantile', () => {
  expect(normalQuantile(0.5)).toBe(0)
  // Python's statistics.NormalDist, the same algorithm: centre, shoulder and tail.
  expect(normalQuantile(0.6)).toBeCloseTo(0.2533471031357998, 14)
  expect(normalQuantile(0.975)).toBeCloseTo(1.9599639845400536, 14)
  expect(normalQuantile(1e-5)).toBeCloseTo(-4.2648907939228256, 13)
  expect(normalQuantile(1e-20)).toBeCloseTo(-9.262340089798405, 12)
})

test('a seed that is no whole number is refused', () => {
  expect(() => new Draws(1.5)).toThrow('The seed 1.5 is not a whole number from 0 to 2^53 - 1.')
})
