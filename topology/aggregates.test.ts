import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../schemas/bytes.ts'
import { bigint64, int64, text } from '../schemas/serdes.ts'
import { DecodeError } from '../schemas/serde.ts'
import type { Aggregate } from './aggregates.ts'
import { approximateDistinctCount, approximateTop } from './approximate.ts'
import { bigintSum, count, ratio, sum } from './counting.ts'
import { custom } from './custom.ts'
import { LimitError } from './errors.ts'
import { distinct, distinctCount } from './members.ts'
import { first, latest, list } from './picking.ts'
import { quantile, quantiles } from './quantile.ts'
import { recordAggregate } from './record.ts'
import { floatSum, max, mean, min, stddev } from './statistics.ts'
import { top } from './top.ts'

interface Item {
  readonly name: string
  readonly n: number
  /** Any double that may be squared. */
  readonly x: number
}

const n = (item: Item): number => item.n
const x = (item: Item): number => item.x
const name = (item: Item): string => item.name
const even = (item: Item): boolean => item.n % 2 === 0

const all: Readonly<Record<string, Aggregate<Item, any, any>>> = {
  count: count(),
  'count where': count(even),
  sum: sum(n),
  'sum where': sum(n, even),
  bigintSum: bigintSum(item => BigInt(item.n) ** 11n),
  ratio: ratio(even),
  'ratio where': ratio(item => item.n > 0, even),
  mean: mean(x),
  floatSum: floatSum(x, item => item.n > -900),
  min: min(n),
  'max where': max(n, even),
  stddev: stddev(x),
  'latest where': latest(name, { where: even, serde: text }),
  first: first(n, { serde: int64 }),
  list: list(n, { serde: int64 }),
  'list where': list(name, { where: even, serde: text }),
  'list of three': list(n, { serde: int64, limit: 3 }),
  distinct: distinct(name, text),
  'distinctCount where': distinctCount(n, int64, { where: even }),
  top: top(2, { by: name, value: n }),
  'top by number': top(2, { by: name, where: even }),
  quantile: quantile(0.9, x),
  quantiles: quantiles([0, 0.5, 1], n, { where: even, relativeAccuracy: 0.001 }),
  approximateDistinctCount: approximateDistinctCount(n, int64),
  'approximateDistinctCount, dense': approximateDistinctCount(n, int64, { precision: 6, where: even }),
  'approximateTop with room': approximateTop(2, { by: name, value: item => Math.abs(item.n), where: even }),
  'top of counts': top(3, { by: name, value: n, count: n }),
  custom: custom({
    init: () => 0n,
    add: (total, item: Item) => total + BigInt(item.n),
    merge: (left, right) => left + right,
    result: total => total,
    state: bigint64,
  }),
  record: recordAggregate({ n: count(), names: distinct(name, text), cents: sum(n) }),
  'fixed record': recordAggregate({ n: count(), cents: sum(n), share: ratio(even) }),
}

// Names with different orders by UTF-16 and by bytes; numbers small enough that doubles hold their sums exactly.
const items = fc.array(
  fc.record({
    name: fc.constantFrom('a', 'b', 'é', '\u{ffee}', '\u{1f600}'),
    n: fc.integer({ min: -1000, max: 1000 }),
    x: fc.oneof(
      fc.double({ noNaN: true, min: -(2 ** 450), max: 2 ** 450 }),
      fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
      fc.constantFrom(0.1, 0.2, 1e16, 1, -1e16, 2 ** -53, 1 + 2 ** -52),
    ),
  }),
  { maxLength: 30 },
)

const fold = (aggregate: Aggregate<Item, any, any>, values: readonly Item[], from: unknown = aggregate.init()): any =>
  values.reduce((accumulator, value) => aggregate.add(accumulator, value), from)

const roundTrip = (aggregate: Aggregate<Item, any, any>, accumulator: unknown): any => {
  const out = new ByteWriter(1)
  out.u8(7)
  aggregate.state.write(accumulator, out)
  const end = out.length
  out.u8(7)
  return aggregate.state.read(out.copy(), 1, end)
}

const subtract = (aggregate: Aggregate<Item, any, any>, from: unknown, values: readonly Item[]): unknown =>
  values.reduce((accumulator, value) => aggregate.subtract!(accumulator, value), from)

function bytesOf(aggregate: Aggregate<Item, any, any>, accumulator: unknown): Buffer {
  const out = new ByteWriter(1)
  aggregate.state.write(accumulator, out)
  return out.copy()
}

function readDamaged(aggregate: Aggregate<Item, any, any>, bytes: Buffer, more: readonly Item[]): void {
  try {
    const read = aggregate.state.read(bytes, 0, bytes.length)
    aggregate.result(fold(aggregate, more, read))
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof LimitError)) throw error
  }
}

/** The same result, to the last digit, and in the same order. */
function same(aggregate: Aggregate<Item, any, any>, left: unknown, right: unknown): void {
  const [one, two] = [aggregate.result(left), aggregate.result(right)]
  expect(one).toEqual(two)
  if (one instanceof Set) expect([...one]).toEqual([...(two as Set<unknown>)])
}

for (const [title, aggregate] of Object.entries(all)) {
  test(`${title}: halves merge to the whole, and the right half stays as it is`, () => {
    fc.assert(
      fc.property(items, items, (a, b) => {
        const right = fold(aggregate, b)
        const before = bytesOf(aggregate, right)
        same(aggregate, aggregate.merge(fold(aggregate, a), right), fold(aggregate, [...a, ...b]))
        expect(bytesOf(aggregate, right)).toEqual(before)
      }),
    )
  })

  test(`${title}: merge is associative`, () => {
    fc.assert(
      fc.property(items, items, items, (a, b, c) => {
        const of = (values: readonly Item[]): unknown => fold(aggregate, values)
        same(
          aggregate,
          aggregate.merge(aggregate.merge(of(a), of(b)), of(c)),
          aggregate.merge(of(a), aggregate.merge(of(b), of(c))),
        )
      }),
    )
  })

  test(`${title}: a merged half goes on without touching the other`, () => {
    fc.assert(
      fc.property(items, items, items, (a, b, c) => {
        const right = fold(aggregate, b)
        const before = bytesOf(aggregate, right)
        const merged = fold(aggregate, c, aggregate.merge(fold(aggregate, a), right))
        same(aggregate, merged, fold(aggregate, [...a, ...b, ...c]))
        expect(bytesOf(aggregate, right)).toEqual(before)
      }),
    )
  })

  test(`${title}: state reads what it wrote, and goes on from there`, () => {
    fc.assert(
      fc.property(items, items, (a, b) => {
        const whole = fold(aggregate, a)
        const again = roundTrip(aggregate, whole)
        same(aggregate, again, whole)
        expect(bytesOf(aggregate, again)).toEqual(bytesOf(aggregate, whole))
        same(aggregate, fold(aggregate, b, again), fold(aggregate, [...a, ...b]))
      }),
    )
  })

  if (aggregate.subtract !== undefined) {
    test(`${title}: subtracting the oldest gives the fold of the others, exactly`, () => {
      fc.assert(
        fc.property(items, items, items, (gone, kept, more) => {
          const rest = subtract(aggregate, fold(aggregate, [...gone, ...kept]), gone)
          same(aggregate, rest, fold(aggregate, kept))
          same(aggregate, roundTrip(aggregate, rest), fold(aggregate, kept))
          same(aggregate, fold(aggregate, more, rest), fold(aggregate, [...kept, ...more]))
        }),
      )
    })
  }

  if ('reversible' in aggregate) {
    test(`${title}: what is subtracted may be any of its values, in any order`, () => {
      fc.assert(
        fc.property(items, fc.func(fc.boolean()), (values, leaves) => {
          const gone = values.filter((_, index) => leaves(index)).toReversed()
          const kept = values.filter(value => !gone.includes(value))
          const rest = subtract(aggregate, fold(aggregate, values), gone)
          expect(aggregate.result(rest)).toEqual(aggregate.result(fold(aggregate, kept)))
        }),
      )
    })
  }

  test(`${title}: a damaged state throws a DecodeError, or is another one that can be folded on`, () => {
    fc.assert(
      fc.property(items, items, fc.nat(), fc.integer({ min: 1, max: 255 }), (a, b, at, flip) => {
        const bytes = bytesOf(aggregate, fold(aggregate, a))
        readDamaged(aggregate, bytes.subarray(0, at % (bytes.length + 1)), b)
        if (bytes.length === 0) return
        bytes[at % bytes.length]! ^= flip
        readDamaged(aggregate, bytes, b)
      }),
    )
  })
}

test('what can subtract, can; what cannot do so exactly, does not', () => {
  const able = Object.entries(all).filter(([, aggregate]) => aggregate.subtract !== undefined)
  expect(able.map(([title]) => title)).toEqual([
    'count',
    'count where',
    'sum',
    'sum where',
    'bigintSum',
    'ratio',
    'ratio where',
    'mean',
    'floatSum',
    'stddev',
    'list',
    'list where',
    'distinct',
    'distinctCount where',
    'top',
    'top by number',
    'quantile',
    'quantiles',
    'top of counts',
    'record',
    'fixed record',
  ])
})

test('results of none', () => {
  const none = Object.entries(all).map(([title, aggregate]) => [title, aggregate.result(aggregate.init())] as const)
  expect(Object.fromEntries(none)).toMatchObject({
    count: 0,
    sum: 0,
    ratio: undefined,
    mean: undefined,
    floatSum: 0,
    quantile: undefined,
    quantiles: undefined,
    approximateDistinctCount: 0,
    'approximateTop with room': [],
    min: undefined,
    'max where': undefined,
    stddev: undefined,
    'latest where': undefined,
    first: undefined,
    list: [],
    distinct: new Set(),
    'distinctCount where': 0,
    top: [],
  })
})

test('results of some', () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9].map(n => ({ name: String(n), n, x: n }))
  const result = (aggregate: Aggregate<Item, any, any>): unknown => aggregate.result(fold(aggregate, values))
  expect(result(stddev(n))).toBe(2)
  expect(result(bigintSum(item => BigInt(item.n)))).toBe(40n)
  expect(result(mean(n))).toBe(5)
  expect([result(min(n)), result(max(n))]).toEqual([2, 9])
  expect(result(ratio(even))).toBe(0.5)
  expect([result(first(n)), result(latest(n)), result(latest(name, { where: even }))]).toEqual([2, 9, '4'])
  expect(result(list(n, { limit: 3 }))).toEqual([5, 7, 9])
  expect(result(list())).toEqual(values)
  expect(result(distinct(n, int64))).toEqual(new Set([2, 4, 5, 7, 9]))
  expect(result(floatSum(item => item.n / 4))).toBe(10)
})

test('a top is by value, then by the UTF-8 bytes of the member', () => {
  const rows = (values: readonly (readonly [string, number])[]): unknown => {
    const aggregate = top(2, { by: ([member]: readonly [string, number]) => member, value: ([, value]) => value })
    return aggregate.result(values.reduce((tallies, value) => aggregate.add(tallies, value), aggregate.init()))
  }
  expect(
    rows([
      ['b', 3],
      ['a', 1],
      ['c', 2],
      ['a', 3],
    ]),
  ).toEqual([
    { rank: 1, member: 'a', value: 4, count: 2 },
    { rank: 2, member: 'b', value: 3, count: 1 },
  ])
  // By UTF-16 units U+1F600 (a surrogate pair, D83D) would come before U+FFEE; by bytes EF comes before F0.
  expect(
    rows([
      ['\u{1f600}', 1],
      ['\u{ffee}', 1],
      ['z', 1],
    ]),
  ).toMatchObject([{ member: 'z' }, { member: '\u{ffee}' }])
})

test('a sum is exact or refused', () => {
  const total = sum<number>(value => value)
  const full = Number.MAX_SAFE_INTEGER
  expect(total.add(total.add(0, full - 1), 1)).toBe(full)
  expect(() => total.add(full, 1)).toThrow(expect.objectContaining({ code: 'LIMIT' }))
  expect(() => total.merge(full, 1)).toThrow('A sum reached 9007199254740992, beyond the integers')
  expect(() => total.subtract!(-full, 1)).toThrow('A sum reached -9007199254740992')
  expect(() => total.add(0, 0.5)).toThrow('A sum of integers became 0.5.')
  expect(() => total.add(0, Number.NaN)).toThrow('A sum of integers became NaN.')
  // Neither is lost in a large sum.
  expect(() => total.add(2 ** 52, 0.25)).toThrow('A sum of integers became 0.25.')
  expect(() => total.add(-100, 2 ** 53 + 2)).toThrow('A sum reached 9007199254740994')
  const big = bigintSum<bigint>(value => value)
  expect(big.result(big.add(big.add(0n, 2n ** 63n), 1n))).toBe(9223372036854775809n)
  expect(() => big.add(2n ** 127n - 1n, 1n)).toThrow('beyond 128 bits')
  expect(() => mean<number>(value => value).add({ sum: [], count: 0 }, Number.NaN)).toThrow('was given NaN')
})

test('members are exact up to the limit, and refused beyond it', () => {
  const three = distinctCount<number, number>(value => value, int64, { limit: 3 })
  const full = [1, 2, 3, 3].reduce((seen, value) => three.add(seen, value), three.init())
  expect(three.result(full)).toBe(3)
  expect(() => three.add(full, 4)).toThrow('more than 3 different members')
  expect(() => three.merge(full, new Map([[5, 1]]))).toThrow(expect.objectContaining({ code: 'LIMIT' }))
  const two = top<string>(1, { by: value => value, limit: 2 })
  expect(() => ['a', 'b', 'c'].reduce((tallies, value) => two.add(tallies, value), two.init())).toThrow(
    'more than 2 different',
  )
})

test('a list without a limit is refused beyond 100,000 values', () => {
  const values = list<number>()
  const full = Array.from({ length: 100_000 }, (_, index) => index)
  expect(() => values.add(full, 1)).toThrow(expect.objectContaining({ code: 'LIMIT' }))
})

test('bad limits are refused', () => {
  expect(() => list(undefined, { limit: 0 })).toThrow('The limit of a list is 0.')
  expect(() => top(0, { by: String })).toThrow('The number of rows of a top is 0.')
  expect(() => distinct(String, text, { limit: 1.5 })).toThrow('The number of distinct members is 1.5.')
})

test('a state of another definition is refused, not misread', () => {
  const out = new ByteWriter()
  count().state.write(5, out)
  expect(() => ratio<Item>(even).state.read(out.copy(), 0, 8)).toThrow('has 8 bytes instead of 16')
  const record = recordAggregate({ n: count(), names: distinct(name, text) })
  expect(() => record.state.read(out.copy(), 0, 8)).toThrow('The state of an aggregate')
})

test('a result is not changed by what is added later', () => {
  for (const [title, aggregate] of Object.entries(all)) {
    const accumulator = fold(aggregate, [{ name: 'a', n: 2, x: 2 }])
    const result = aggregate.result(accumulator)
    const copy = structuredClone(result)
    fold(aggregate, [{ name: 'b', n: 4, x: 4 }], accumulator)
    expect(result, title).toEqual(copy)
  }
})
