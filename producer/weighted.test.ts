import { expect, test } from 'vitest'
import { Draws } from './random.ts'
import { WeightedChoice } from './weighted.ts'

test('picks the first item whose cumulative weight exceeds u times the sum', () => {
  const draws = new Draws(5)
  const weights = Array.from({ length: 1000 }, (_, i) => (i % 7 === 3 ? 0 : draws.u(1, i, 0) ** 4))
  const total = weights.reduce((sum, weight) => sum + weight)
  const choice = new WeightedChoice(weights)
  for (let i = 0; i < 5000; i++) {
    const u = draws.u(2, i, 0)
    let sum = 0
    const naive = weights.findIndex(weight => (sum += weight) > u * total)
    expect(choice.pick(u)).toBe(naive)
  }
})

test('a draw that meets a limit exactly takes the item behind it', () => {
  const choice = new WeightedChoice([0, 1, 2, 1])
  expect([0, 0.25, 0.75].map(u => choice.pick(u))).toEqual([1, 2, 3])
})

test('the ends: the first item at 0, the last with weight just below 1', () => {
  const choice = new WeightedChoice([0, 1, 2, 3, 0])
  expect(choice.pick(0)).toBe(1)
  expect(choice.pick(1 - 2 ** -53)).toBe(3)
})

test('weights that cannot be picked from are refused', () => {
  expect(() => new WeightedChoice([0, 0])).toThrow('No weight is above 0')
  expect(() => new WeightedChoice([1, -1])).toThrow('Weight 1 is -1; weights are 0 or more.')
})
