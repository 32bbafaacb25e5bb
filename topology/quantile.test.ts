import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../schemas/bytes.ts'
import { quantile, quantiles } from './quantile.ts'

const id = (value: number): number => value
const doubles = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, min: -1000, max: 1000 }),
  fc.integer({ min: 0, max: 100 }),
)
const some = fc.array(doubles, { minLength: 1, maxLength: 80 })

/** The bound of the paper, and the rounding of logarithms: 745 / 2^52, four times. */
function expectWithin(found: number, truth: number, accuracy: number): void {
  expect(Math.abs(found - truth)).toBeLessThanOrEqual(Math.abs(truth) * (accuracy + 1e-12) + 5e-324)
}

test.each([0.0001, 0.01, 0.2])('accuracy %f: every quantile is that near to a value of its rank', accuracy => {
  fc.assert(
    fc.property(some, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const aggregate = quantile(q, id, { relativeAccuracy: accuracy })
      const sketch = values.reduce((folded, value) => aggregate.add(folded, value), aggregate.init())
      const ranked = values.toSorted((a, b) => a - b)
      expectWithin(aggregate.result(sketch)!, ranked[Math.floor(q * (values.length - 1))]!, accuracy)
    }),
    { numRuns: 300 },
  )
})

test('the bound holds for what was merged and taken out', () => {
  const qs = [0, 0.1, 0.5, 0.9, 0.99, 1]
  const aggregate = quantiles(qs, id)
  const fold = (values: readonly number[]) => values.reduce((sketch, x) => aggregate.add(sketch, x), aggregate.init())
  fc.assert(
    fc.property(some, some, some, (a, b, gone) => {
      const merged = aggregate.merge(fold([...a, ...gone]), fold(b))
      const rest = gone.reduce((sketch, value) => aggregate.subtract(sketch, value), merged)
      const ranked = [...a, ...b].toSorted((x, y) => x - y)
      for (const [i, found] of aggregate.result(rest)!.entries())
        expectWithin(found, ranked[Math.floor(qs[i]! * (ranked.length - 1))]!, 0.01)
    }),
  )
})

test('latencies: a state of a few hundred bytes', () => {
  const aggregate = quantiles<number>([0.5, 0.99], id)
  let sketch = aggregate.init()
  // 1 to 1,000 ms.
  for (let i = 0; i < 100_000; i++) sketch = aggregate.add(sketch, 1 + ((i * 7919) % 1000))
  const [median, late] = aggregate.result(sketch)!
  expectWithin(median!, 500, 0.012)
  expectWithin(late!, 990, 0.012)
  const out = new ByteWriter()
  aggregate.state.write(sketch, out)
  expect(out.length).toBeLessThan(1000)
  expect(sketch.sizeBytes).toBeLessThan(6000)
})

test('what is refused', () => {
  expect(() => quantile(1.5, id)).toThrow('A quantile is asked for 1.5. Give numbers from 0 to 1.')
  expect(() => quantiles([], id)).toThrow('A quantile is asked for nothing.')
  expect(() => quantile(0.5, id, { relativeAccuracy: 0 })).toThrow('The accuracy of a quantile is 0.')
  const aggregate = quantile(0.5, id)
  expect(() => aggregate.add(aggregate.init(), Number.NaN)).toThrow('was given NaN')
  const out = new ByteWriter()
  aggregate.state.write(aggregate.add(aggregate.init(), 1), out)
  const other = quantile(0.5, id, { relativeAccuracy: 0.02 })
  expect(() => other.state.read(out.copy(), 0, out.length)).toThrow('a sketch of the accuracy 0.01, not 0.02')
})
