import { expect, test } from 'vitest'
import { ByteWriter } from '../schemas/bytes.ts'
import { text } from '../schemas/serdes.ts'
import { StateReader } from './aggregate-state.ts'
import { over } from './aggregates.ts'
import { approximateDistinctCount } from './approximate.ts'
import { HyperLogLog } from './hyperloglog.ts'

/** Hashes as they should be: independent bits (xorshift128, Marsaglia 2003), the same for the same seed. */
function hashes(seed: number): () => number {
  let [x, y, z, w] = [seed * 0x9e3779b9, 362436069, 521288629, 88675123]
  return () => {
    const t = x ^ (x << 11)
    ;[x, y, z] = [y, z, w]
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8)
    return w
  }
}

const sketchOf = (precision: number, size: number, seed: number): HyperLogLog => {
  const next = hashes(seed)
  for (let i = 0; i < 20; i++) next()
  const sketch = new HyperLogLog(precision)
  for (let i = 0; i < size; i++) sketch.add(next(), next())
  return sketch
}

const runs = 60

test.each([
  [4, 10_000],
  [8, 20],
  [8, 700],
  [8, 20_000],
  [10, 300],
  [10, 3000],
  [10, 30_000],
  [12, 1000],
  [12, 10_000],
  [12, 50_000],
])('precision %i, %i members: no bias, and the standard error is 1.04 / sqrt(2^precision)', (precision, size) => {
  const expected = 1.04 / Math.sqrt(2 ** precision)
  const errors = Array.from({ length: runs }, (_, seed) => sketchOf(precision, size, seed + 1).estimate() / size - 1)
  const bias = errors.reduce((sum, error) => sum + error, 0) / runs
  const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / runs)
  // Of 60 runs: the mean has an error of expected / sqrt(60), the deviation one of a tenth.
  expect(Math.abs(bias)).toBeLessThan((3 * expected) / Math.sqrt(runs))
  expect(deviation).toBeLessThan(1.3 * expected)
  // Few registers have a longer tail.
  expect(errors.filter(error => Math.abs(error) > 3 * expected).length).toBeLessThanOrEqual(precision < 8 ? 3 : 1)
  // Far from what the registers can tell apart there is no less than that error either.
  if (size > 5 * 2 ** precision) expect(deviation).toBeGreaterThan(0.7 * expected)
})

test('a few members are counted without error', () => {
  for (let size = 0; size <= 12; size++) {
    const estimates = Array.from({ length: 20 }, (_, seed) => sketchOf(12, size, seed + 1).estimate())
    expect(estimates.filter(estimate => estimate !== size).length).toBeLessThanOrEqual(1)
  }
})

test('real members, with repeats, in one state of 3 KiB', () => {
  const aggregate = approximateDistinctCount<number, string>(value => `merchant-${value}`, text)
  let sketch = aggregate.init()
  for (let i = 0; i < 60_000; i++) sketch = aggregate.add(sketch, i % 20_000)
  expect(Math.abs(aggregate.result(sketch) / 20_000 - 1)).toBeLessThan(3 * 0.01625)
  const out = new ByteWriter()
  aggregate.state.write(sketch, out)
  expect(out.length).toBe(3 + (4096 * 6) / 8)
})

test('a state of few members is small, and those of another precision or version are refused', () => {
  const out = new ByteWriter()
  sketchOf(12, 10, 1).write(out)
  expect(out.length).toBeLessThanOrEqual(4 + 10 * 3)
  const read = (precision: number, bytes = out.copy()): HyperLogLog =>
    HyperLogLog.read(new StateReader(bytes, 0, bytes.length), precision)
  expect(read(12).estimate()).toBe(10)
  expect(() => read(11)).toThrow('a sketch of the precision 12, not 11')
  const later = out.copy()
  later[0] = 2
  expect(() => read(12, later)).toThrow('a sketch of the version 2, not 1')
  expect(() => read(12, out.copy().subarray(0, out.length - 1))).toThrow('ends in the middle')
})

test('the sparse form turns into the dense one without a change of the estimate', () => {
  const [sparse, whole] = [new HyperLogLog(12), sketchOf(12, 500, 3)]
  const next = hashes(3)
  for (let i = 0; i < 20; i++) next()
  const half = new HyperLogLog(12)
  for (let i = 0; i < 500; i++) (i < 50 ? sparse : half).add(next(), next())
  const before = sparse.sizeBytes
  sparse.merge(half)
  expect([sparse.estimate(), sparse.sizeBytes]).toEqual([whole.estimate(), whole.sizeBytes])
  expect(before).toBeLessThan(sparse.sizeBytes)
})

test('in trailing spans it is exact', () => {
  const { aggregate } = over(
    '1h',
    approximateDistinctCount<number, string>(value => String(value), text, { precision: 4 }),
  )
  const values = Array.from({ length: 3000 }, (_, i) => i)
  expect(aggregate.result(values.reduce((seen, value) => aggregate.add(seen, value), aggregate.init()))).toBe(3000)
  expect(aggregate.subtract).toBeDefined()
})

test('a precision that there is not', () => {
  const count = (precision: number): unknown => approximateDistinctCount(String, text, { precision })
  for (const precision of [3, 19, 4.5]) expect(() => count(precision)).toThrow(`is ${precision}. Give a whole number`)
})
