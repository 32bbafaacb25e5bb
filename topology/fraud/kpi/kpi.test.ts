import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../../schemas/bytes.ts'
import type { Analytics, Payment } from '../../../schemas/payments/types.ts'
import type { Evaluated } from '../evaluate.ts'
import { remember } from '../history.ts'
import { noon, paymentOf } from '../oracle/payment.ts'
import { analyticsKey, checkFigure, figures, rankings } from './analytics.ts'
import { all, catalogue, checkCatalogue, type Kpi } from './catalogue.ts'
import { rankCells, sumCells } from './cells.ts'
import { KeyNames, keyOf, partsOf } from './key.ts'
import { ranked, type Scores, scores } from './top.ts'

const evaluated = (given: Partial<Payment> = {}, judged: Partial<Evaluated> = {}): Evaluated => {
  const payment = paymentOf(given)
  const past = remember(payment, { partition: 0, offset: 0 })
  return { payment, past, hits: [], points: 0, score: 0, level: 'LOW', alerts: false, ...judged }
}

describe('what a payment adds', () => {
  test('to the figures of 1-minute windows', () => {
    const payment = evaluated({ category: 'food', amountMinor: 700, commissionType: 'FLAT', commissionMinor: 14 })
    expect(sumCells(catalogue, 'hop1m')(payment)).toEqual([
      { key: 'volume///EUR', numerator: 700, denominator: 0 },
      { key: 'volume/category/food/EUR', numerator: 700, denominator: 0 },
      { key: 'alert.rate///', numerator: 0, denominator: 1 },
      { key: 'alert.rate/level/LOW/', numerator: 0, denominator: 1 },
    ])
    expect(sumCells(catalogue, 'tumble1m')(payment)).toEqual([
      { key: 'commission.by_type/commissionType/FLAT/EUR', numerator: 14, denominator: 0 },
    ])
    expect(rankCells(catalogue, 'tumble5m')(payment)).toEqual([
      { key: 'merchant.top///EUR', member: 'm-1', numerator: 14 },
    ])
    expect(sumCells(catalogue, 'tumble5m')(payment)).toEqual([])
  })

  test.each(['DECLINED', 'FAILED', 'PENDING', 'REFUNDED', 'UNKNOWN'] as const)(
    '%s is counted, but is no volume',
    status => {
      const payment = evaluated({ status }, { alerts: true, level: 'HIGH' })
      expect(sumCells(catalogue, 'hop1m')(payment)).toEqual([
        { key: 'alert.rate///', numerator: 1, denominator: 1 },
        { key: 'alert.rate/level/HIGH/', numerator: 1, denominator: 1 },
      ])
      expect(sumCells(catalogue, 'tumble1m')(payment)).toEqual([])
      expect(rankCells(catalogue, 'tumble5m')(payment)).toEqual([])
    },
  )
})

describe('keys', () => {
  test.each(['', 'food', 'a/b', '//', 'é'])('a member %j comes back from its key', member => {
    const parts = { kpi: 'volume', dimension: 'category', member, currency: 'EUR' }
    expect(partsOf(keyOf(parts))).toEqual(parts)
    expect(new KeyNames('volume', 'category').of(member, 'EUR')).toBe(keyOf(parts))
  })

  test('names stay right when there are more members than are kept', () => {
    const names = new KeyNames('volume', 'category')
    for (const round of [0, 1]) {
      for (let i = 0; i < 10_050; i++)
        expect(names.of(`m${i}`, round === 0 ? 'EUR' : 'USD')).toBe(
          `volume/category/m${i}/${round === 0 ? 'EUR' : 'USD'}`,
        )
    }
  })

  test('what is no key is refused', () => {
    for (const key of ['', 'volume', 'volume/', 'volume/x']) expect(() => partsOf(key)).toThrow('is no key of a KPI')
  })
})

describe('figures', () => {
  const span = { startMs: noon, endMs: noon + 60_000 }

  test('a sum has the denominator 1, a ratio its own', () => {
    const make = figures(catalogue)
    const volume = make({ ...span, numerator: 700, denominator: 0, count: 2 }, 'volume/category/a/b/EUR')
    expect(volume).toEqual({
      kpi: 'volume',
      dimension: 'category',
      member: 'a/b',
      currency: 'EUR',
      windowStart: noon,
      windowEnd: noon + 60_000,
      count: 2,
      numerator: 700,
      denominator: 1,
      unit: 'MINOR',
      items: [],
      final: true,
      revision: 0,
    })
    expect(analyticsKey(volume)).toBe(`volume/category/a/b/EUR/${noon}`)
    expect(make({ ...span, numerator: 1, denominator: 4, count: 4 }, 'alert.rate///')).toMatchObject({
      numerator: 1,
      denominator: 4,
      unit: 'RATIO',
    })
    expect(() => make({ ...span, numerator: 1, denominator: 1, count: 1 }, 'unheard.of///')).toThrow(
      "no KPI 'unheard.of'",
    )
  })

  const score = (found: Scores, member: string, numerator: number): Scores =>
    scores.add(found, { key: 'merchant.top///EUR', member, numerator })

  test('the top merchants by sum and by number; ties by the bytes of their ids', () => {
    let found = scores.init()
    for (const [member, numerator] of [
      ['b', 5],
      ['a', 3],
      ['a', 2],
      ['😀', 4],
      ['\uff5e', 4],
      ['c', 9],
      ['d', 0],
    ] as const) {
      found = score(found, member, numerator)
    }
    // UTF-16 would put the emoji (a surrogate) before U+FF5E; its UTF-8 comes after.
    expect(ranked(found, '', 5).map(item => item.member)).toEqual(['c', 'a', 'b', '\uff5e', '😀'])
    expect(ranked(found, 'count', 3)).toEqual([
      { rank: 1, member: 'a', numerator: 5, count: 2 },
      { rank: 2, member: 'b', numerator: 5, count: 1 },
      { rank: 3, member: 'c', numerator: 9, count: 1 },
    ])
    const [bySum, byCount] = rankings(catalogue)({ scores: found, ...span }, 'merchant.top///EUR')
    expect(bySum).toMatchObject({ dimension: '', numerator: 27, count: 7, denominator: 1, unit: 'MINOR' })
    expect(byCount).toMatchObject({ dimension: 'count', numerator: 27, count: 7, items: ranked(found, 'count', 5) })
    expect([bySum!, byCount!].map(analyticsKey)).toEqual([
      `merchant.top///EUR/${noon}`,
      `merchant.top/count//EUR/${noon}`,
    ])
  })

  test('scores merge, and come back from their bytes', () => {
    const left = score(score(scores.init(), 'a', 1), 'b', 2)
    const right = score(score(score(scores.init(), 'b', 1), 'c', 4), 'b', 2)
    const merged = scores.merge(left, right)
    expect(right.get('b')).toEqual({ member: 'b', numerator: 3, count: 2 })
    expect(ranked(merged, '', 9).map(item => [item.member, item.numerator, item.count])).toEqual([
      ['b', 5, 3],
      ['c', 4, 1],
      ['a', 1, 1],
    ])
    score(merged, 'c', 1)
    expect(right.get('c')!.count).toBe(1)
    const out = new ByteWriter()
    scores.state.write(merged, out)
    const bytes = Buffer.from(out.copy())
    expect(scores.state.read(bytes, 0, bytes.length)).toEqual(merged)
  })

  test('a ranking of more than 100,000 members and a sum beyond the safe integers are refused, not estimated', () => {
    let found = scores.init()
    for (let i = 0; i < 100_000; i++) found = score(found, `m${i}`, 1)
    expect(() => score(found, 'one more', 1)).toThrow('more than 100000 members')
    expect(() => score(found, 'm1', Number.MAX_SAFE_INTEGER)).toThrow('beyond the integers')
  })
})

describe('the catalogue', () => {
  test('holds these KPIs and no others', () => {
    checkCatalogue(catalogue)
    expect(catalogue.map(({ kpi, windows }) => [kpi, ...windows])).toEqual([
      ['volume', 'hop1m'],
      ['alert.rate', 'hop1m'],
      ['commission.by_type', 'tumble1m'],
      ['merchant.top', 'tumble5m'],
    ])
  })

  const figure = figures(catalogue)(
    { startMs: 0, endMs: 1, numerator: 1, denominator: 1, count: 1 },
    'volume/category/x/EUR',
  )
  test.each<[Partial<Analytics>, string]>([
    [{ kpi: 'volumes' }, "no KPI 'volumes'"],
    [{ dimension: 'level' }, "no dimension 'level'"],
    [{ unit: 'COUNT' }, 'has the unit MINOR, not COUNT'],
  ])('an unknown name fails: %o', (given, message) => {
    checkFigure(catalogue, figure)
    expect(() => checkFigure(catalogue, { ...figure, ...given })).toThrow(message)
  })

  const base: Kpi = {
    kind: 'sum',
    kpi: 'x',
    windows: ['hop1m'],
    population: all,
    money: false,
    unit: 'COUNT',
    denominator: null,
    dimensions: { '': () => '' },
    numerator: () => 1,
  }
  test.each<[Kpi[], string]>([
    [[base, base], 'twice'],
    [[{ ...base, kpi: 'a/b' }], "has a '/'"],
    [[{ ...base, dimensions: { 'a/b': () => '' } }], "has a '/'"],
    [[{ ...base, windows: [] }], 'needs a name, a window and a dimension'],
    [[{ ...base, unit: 'UNKNOWN' }], 'has no unit'],
    [[{ ...base, unit: 'RATIO' }], 'needs a denominator'],
    [[{ ...base, denominator: () => 1 }], 'needs a denominator'],
  ])('a catalogue that cannot be served is refused: case %#', (kpis, message) => {
    expect(() => checkCatalogue(kpis)).toThrow(message)
  })
})
