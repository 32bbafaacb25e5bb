import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../schemas/bytes.ts'
import { text } from '../schemas/serdes.ts'
import { StateReader } from './aggregate-state.ts'
import { over } from './aggregates.ts'
import { approximateTop } from './approximate.ts'
import { SpaceSaving } from './space-saving.ts'

type Item = readonly [member: string, value: number]

const capacity = 4

const sketchOf = (items: readonly Item[], size = capacity): SpaceSaving => {
  const sketch = new SpaceSaving(size)
  for (const [member, value] of items) sketch.add(member, value)
  return sketch
}

const bytesOf = (sketch: SpaceSaving): Buffer => {
  const out = new ByteWriter()
  sketch.write(out)
  return out.copy()
}

const read = (bytes: Buffer, size = capacity): SpaceSaving =>
  SpaceSaving.read(new StateReader(bytes, 0, bytes.length), size, text)

/** What the paper promises of a sketch of these items, however it was merged. */
function expectBounds(sketch: SpaceSaving, items: readonly Item[]): void {
  const sums = new Map<string, number>()
  for (const [member, value] of items) sums.set(member, (sums.get(member) ?? 0) + value)
  const all = [...sums.values()].reduce((total, value) => total + value, 0)
  const rows = sketch.first(sketch.capacity)
  for (const { member, value, error } of rows) {
    const sum = sums.get(member) ?? 0
    expect(value).toBeGreaterThanOrEqual(sum)
    expect(value - error).toBeLessThanOrEqual(sum)
    expect(error).toBeLessThanOrEqual(all / sketch.capacity)
  }
  const kept = new Set(rows.map(({ member }) => member))
  for (const [member, sum] of sums) {
    if (!kept.has(member)) expect(sum).toBeLessThanOrEqual(Math.min(sketch.unseen, all / sketch.capacity))
  }
  for (const n of [1, 2, 3]) {
    const ranked = [...sums.values()].toSorted((a, b) => b - a)
    const sure = sketch.first(n).filter(({ guaranteed }) => guaranteed)
    for (const { member } of sure) expect(sums.get(member)).toBeGreaterThanOrEqual(ranked[n - 1] ?? 0)
  }
}

const items = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), fc.integer({ min: 0, max: 20 })),
  { maxLength: 60 },
)

test('the bounds hold', () => {
  fc.assert(
    fc.property(items, all => {
      expectBounds(sketchOf(all), all)
    }),
    { numRuns: 500 },
  )
})

test('the bounds hold for what was merged, in any grouping, and for what is added to it', () => {
  fc.assert(
    fc.property(items, items, items, items, (a, b, c, more) => {
      const left = sketchOf(a)
      left.merge(sketchOf(b))
      left.merge(sketchOf(c))
      const right = sketchOf(b)
      right.merge(sketchOf(c))
      const other = sketchOf(a)
      const before = bytesOf(right)
      other.merge(right)
      expect(bytesOf(right)).toEqual(before)
      expectBounds(left, [...a, ...b, ...c])
      expectBounds(other, [...a, ...b, ...c])
      for (const [member, value] of more) left.add(member, value)
      expectBounds(left, [...a, ...b, ...c, ...more])
    }),
    { numRuns: 500 },
  )
})

test('the state goes on as the sketch would have', () => {
  fc.assert(
    fc.property(items, items, (a, b) => {
      const sketch = sketchOf(a)
      const again = read(bytesOf(sketch))
      for (const [member, value] of b) {
        sketch.add(member, value)
        again.add(member, value)
      }
      expect(bytesOf(again)).toEqual(bytesOf(sketch))
    }),
  )
})

test('damaged states throw', () => {
  const bytes = bytesOf(
    sketchOf([
      ['a', 3],
      ['b', 2],
    ]),
  )
  for (let size = 0; size < bytes.length; size++) expect(() => read(bytes.subarray(0, size))).toThrow(/state/)
  expect(() => read(Buffer.concat([bytes, bytes]))).toThrow('bytes left over')
  expect(() => read(bytes, 5)).toThrow('a sketch of the capacity 4, not 5')
  bytes[0] = 9
  expect(() => read(bytes)).toThrow('a sketch of the version 9, not 1')
})

test('the first merchants of a skewed day, with a hundredth of the counters', () => {
  // Zipf: merchant i has 100,000 / i payments. They come in rounds, the rarest first.
  const aggregate = approximateTop<string>(5, { by: merchant => merchant, capacity: 100 })
  let sketch = aggregate.init()
  let all = 0
  for (let round = 0; round < 100; round++) {
    for (let merchant = 10_000; merchant > 0; merchant--) {
      if (round % Math.ceil(merchant / 10) !== 0) continue
      const times = merchant < 10 ? Math.floor(1000 / merchant) : 1
      for (let i = 0; i < times; i++, all++) sketch = aggregate.add(sketch, `m${merchant}`)
    }
  }
  const rows = aggregate.result(sketch)
  expect(rows.map(({ member }) => member)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5'])
  for (const [i, { value, error }] of rows.entries()) {
    expect(value - 100 * Math.floor(1000 / (i + 1))).toBeLessThanOrEqual(error)
    expect(error).toBeLessThanOrEqual(all / 100)
  }
  expect(rows[0]!.guaranteed).toBe(true)
})

test('what is refused', () => {
  expect(() => approximateTop(0, { by: String })).toThrow('The number of rows of a top is 0.')
  expect(() => approximateTop(5, { by: String, capacity: 4 })).toThrow('A top of 5 keeps 4 members.')
  const aggregate = approximateTop<number>(1, { by: String, value: value => value })
  expect(() => aggregate.add(aggregate.init(), -1)).toThrow('An approximate top was given -1')
  expect(() => aggregate.add(aggregate.init(), 0.5)).toThrow('A sum of integers became 0.5')
})

test('in trailing spans it is exact', () => {
  const { aggregate } = over('1h', approximateTop<string>(1, { by: value => value, capacity: 1 }))
  const folded = 'abcabcc'
    .split('')
    .reduce((tallies, value) => aggregate.add(tallies, value), aggregate.init() as unknown)
  expect(aggregate.result(folded)).toEqual([{ rank: 1, member: 'c', value: 3, error: 0, guaranteed: true }])
  expect(aggregate.result(aggregate.subtract!(folded, 'a'))).toEqual(aggregate.result(folded))
})
