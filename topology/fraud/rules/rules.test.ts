import { describe, expect, test } from 'vitest'
import type { Payment, RuleHit } from '../../../schemas/payments/types.ts'
import { distanceMetres } from '../distance.ts'
import { evaluator } from '../evaluate.ts'
import { remember } from '../history.ts'
import { noon, paymentOf, placeOf } from '../oracle/payment.ts'
import { measure } from '../measures/refold.ts'
import { defaultRuleSet, type RuleSet } from './rule-set.ts'

type Step = Partial<Payment>

/** The hits of the last payment of a customer who made these; unless given, times are 1 ms apart. */
function hitsOf(steps: readonly Step[], ruleSet: RuleSet = defaultRuleSet): readonly RuleHit[] {
  return evaluate(steps, ruleSet).hits
}

function evaluate(steps: readonly Step[], ruleSet: RuleSet = defaultRuleSet) {
  const events = steps.map((step, offset) => {
    const payment = paymentOf({ eventTime: noon + offset, paymentId: `p${offset}`, ...step })
    return { kind: 'valid' as const, payment, past: remember(payment, { partition: 3, offset }) }
  })
  const last = events.at(-1)!
  return evaluator(ruleSet)({
    ...measure(
      ruleSet,
      events.slice(0, -1).map(e => e.past),
      last.past,
    ),
    event: last,
  })
}

const ids = (steps: readonly Step[]): string[] => hitsOf(steps).map(hit => hit.ruleId)
const times = (...fromNoon: number[]): Step[] => fromNoon.map(ms => ({ eventTime: noon + ms }))

/** A place this far north of the equator and prime meridian, metres. */
const north = (metres: number) => placeOf((metres / 6_371_008.8) * (180 / Math.PI), 0)
const here = placeOf(0, 0)

describe('velocity: more than 5 in [t - 120,000, t]', () => {
  test.each([
    [times(0, 1, 2, 3, 120_000), []],
    [times(0, 1, 2, 3, 4, 120_000), ['velocity']],
    [times(-1, 1, 2, 3, 4, 120_000), []],
    // In one millisecond.
    [times(0, 0, 0, 0, 0, 0), ['velocity']],
  ])('case %#', (steps, expected) => expect(ids(steps)).toEqual(expected))

  test('counts declined payments too, and shows the newest first', () => {
    const [hit] = hitsOf(times(0, 10, 20, 30, 40, 50, 60).map(step => ({ ...step, status: 'DECLINED' as const })))
    expect(hit).toEqual({
      ruleId: 'velocity',
      points: 700,
      mode: 'ACTIVE',
      windowStart: noon + 60 - 120_000,
      windowEnd: noon + 60,
      observed: 7,
      threshold: 5,
      reason: '7 payments within 2m, more than 5',
      evidence: [6, 5, 4, 3, 2, 1, 0].map(offset => ({ paymentId: `p${offset}`, partition: 3, offset })),
    })
  })

  test('shows at most 20', () => {
    const [hit] = hitsOf(times(...Array.from({ length: 30 }, (_, i) => i)))
    expect(hit!.observed).toBe(30)
    expect(hit!.evidence.map(e => e.offset)).toEqual(Array.from({ length: 20 }, (_, i) => 29 - i))
  })
})

describe('geo-50km: a prior place in [t - 300,000, t] more than 50,000 m away', () => {
  const pair = (metres: number, ms: number): Step[] => [
    { geo: here, eventTime: noon },
    { geo: north(metres), eventTime: noon + ms },
  ]
  test.each([
    [pair(50_000.01, 300_000), ['geo-50km']],
    [pair(49_999.99, 300_000), []],
    [pair(50_000.01, 300_001), []],
    [pair(60_000, 240_000), ['geo-50km']],
  ])('case %#', (steps, expected) => expect(ids(steps)).toEqual(expected))

  test('looks at every prior place, and shows those that are far, the newest first', () => {
    const far = north(100_000)
    const hit = hitsOf([{ geo: far }, { geo: here }, { geo: far }, { geo: here }, { geo: null }, { geo: here }]).find(
      found => found.ruleId === 'geo-50km',
    )!
    expect(hit.evidence.map(e => e.offset)).toEqual([2, 0])
    expect(hit.observed).toBeCloseTo(100_000, 3)
  })

  test('a payment without a place fires nothing', () => {
    expect(ids([{ geo: here }, { geo: null }])).toEqual([])
    expect(ids([{ geo: here }, { geo: placeOf(null, null) }])).toEqual([])
  })
})

describe('geo-speed: the latest prior place more than 50 km away and faster than 1000 km/h', () => {
  const trip = (metres: number, ms: number): Step[] => [
    { geo: here, eventTime: noon },
    { geo: north(metres), eventTime: noon + ms },
  ]
  const hour = 3_600_000
  test.each([
    [trip(999_999, hour), []],
    [trip(1_000_001, hour), ['geo-speed']],
    // At one instant; and near, but fast.
    [trip(50_001, 0), ['geo-50km', 'geo-speed']],
    [trip(49_999, 0), []],
    // 30 days are the horizon; at 1000 km/h nothing on earth is that far, so only the place before counts.
    [trip(2_000_000, 2 * hour + 1), []],
  ])('case %#', (steps, expected) => expect(ids(steps)).toEqual(expected))

  test('999 and 1001 km/h on the equator and at 60° north', () => {
    for (const latitude of [0, 60]) {
      // Along the parallel the way is shorter than the degrees say: find the longitude by bisection.
      const east = (metres: number) => {
        let [low, high] = [0, 90]
        for (let i = 0; i < 60; i++) {
          const middle = (low + high) / 2
          const reached = distanceMetres({ latitude, longitude: 0 }, { latitude, longitude: middle })
          if (reached < metres) low = middle
          else high = middle
        }
        return placeOf(latitude, low)
      }
      const at = (metres: number) =>
        ids([
          { geo: placeOf(latitude, 0), eventTime: noon },
          { geo: east(metres), eventTime: noon + hour },
        ])
      expect(at(999_000)).toEqual([])
      expect(at(1_001_000)).toEqual(['geo-speed'])
    }
  })

  test('the place that counts is the latest: a mover is flagged once', () => {
    const moves = [{ geo: here }, { geo: north(200_000) }, { geo: north(200_000) }]
    expect(ids(moves.slice(0, 2))).toContain('geo-speed')
    expect(ids(moves)).not.toContain('geo-speed')
  })

  test('observed and threshold are metres that can be compared', () => {
    const [hit] = hitsOf(trip(1_500_000, hour))
    expect(hit!.observed).toBeCloseTo(1_500_000, 3)
    expect(hit!.threshold).toBe(1_000_000)
    expect(hit!.evidence.map(e => e.offset)).toEqual([0])
  })
})

describe('amount-10x: three or more prior baseline payments, amount * n > 10 * s', () => {
  const amounts = (...all: number[]): Step[] => all.map(amountMinor => ({ amountMinor }))
  test.each([
    [amounts(10, 10, 10, 101), ['amount-10x']],
    [amounts(10, 10, 10, 100), []],
    [amounts(10, 10, 101), []],
    [amounts(0, 0, 0, 1), ['amount-10x']],
    [amounts(0, 0, 0, 0), []],
    // 134/1: a mean of 13 1/3.
    [amounts(10, 10, 20, 133), []],
    [amounts(10, 10, 20, 134), ['amount-10x']],
  ])('case %#', (steps, expected) => expect(ids(steps)).toEqual(expected))

  test.each(['DECLINED', 'FAILED', 'REVERSED', 'REFUNDED'] as const)('%s payments are no baseline', status => {
    expect(ids([...amounts(10, 10), { amountMinor: 10, status }, { amountMinor: 1_000 }])).toEqual([])
    expect(ids([...amounts(10, 10, 10), { amountMinor: 9_000, status }, { amountMinor: 101 }])).toEqual(['amount-10x'])
  })

  test('a payment that is refused is tested all the same', () => {
    expect(ids([...amounts(10, 10, 10), { amountMinor: 101, status: 'DECLINED' }])).toEqual(['amount-10x'])
  })

  test('looks back exactly 30 days', () => {
    const month = 30 * 86_400_000
    const old = (first: number): Step[] => [
      { eventTime: first, amountMinor: 10 },
      { amountMinor: 10 },
      { amountMinor: 10 },
      { eventTime: noon + 9, amountMinor: 101 },
    ]
    expect(ids(old(noon + 9 - month))).toEqual(['amount-10x'])
    expect(ids(old(noon + 8 - month))).toEqual([])
  })

  test('amounts of another currency are another mean', () => {
    const euros: Step[] = Array.from({ length: 3 }, () => ({ amountMinor: 10, currency: 'EUR' }))
    expect(ids([...euros, { amountMinor: 1_000_000, currency: 'IRR' }])).toEqual([])
    expect(ids([...euros, { amountMinor: 1_000_000, currency: 'IRR' }, { amountMinor: 101, currency: 'EUR' }])).toEqual(
      ['amount-10x'],
    )
  })

  test('sums beyond the safe integers stay exact', () => {
    const most = 1e15
    const many = amounts(...Array.from({ length: 12 }, () => most))
    // 12 payments of 10^15 make 1.2 * 10^16; one more of 10^15 is the mean. The units stay out of the way.
    const ruleSet = { ...defaultRuleSet, rules: defaultRuleSet.rules.filter(rule => rule.feature === 'ratioToMean') }
    expect(hitsOf([...many, { amountMinor: most }], ruleSet)).toEqual([])
    const small = amounts(...Array.from({ length: 10 }, () => most / 10 - 1))
    expect(hitsOf([...small, { amountMinor: most - 10 }], ruleSet)).toEqual([])
    expect(hitsOf([...small, { amountMinor: most - 9 }], ruleSet)).toHaveLength(1)
  })
})

describe('high-amount: more than 1000 units', () => {
  test.each([
    ['EUR', 100_000, 0],
    ['EUR', 100_001, 1],
    ['IRR', 20_000_000, 0],
    ['IRR', 20_000_001, 1],
    ['JPY', 100_000, 0],
    ['JPY', 100_001, 1],
    ['KWD', 1_000_000, 0],
    ['KWD', 1_000_001, 1],
  ])('%s %i: %i', (currency, amountMinor, hits) => {
    expect(ids([{ currency, amountMinor }])).toHaveLength(hits)
  })

  test('the limit is a value of the rule set', () => {
    const rules = defaultRuleSet.rules.map(rule => (rule.feature === 'amount' ? { ...rule, moreThanUnits: 220 } : rule))
    const handbook = { ...defaultRuleSet, rules }
    expect(hitsOf([{ amountMinor: 22_000 }], handbook)).toEqual([])
    expect(hitsOf([{ amountMinor: 22_001 }], handbook)).toHaveLength(1)
  })
})

describe('all rules together', () => {
  test('no hit hides another; hits are in rule order, and points are capped in the score only', () => {
    const steps = [
      ...times(0, 1, 2, 3, 4).map(step => ({ ...step, geo: here })),
      { amountMinor: 200_000, geo: north(90_000) },
    ]
    const { hits, points, score, level, alerts } = evaluate(steps)
    expect(hits.map(hit => hit.ruleId)).toEqual(['velocity', 'geo-50km', 'geo-speed', 'amount-10x', 'high-amount'])
    expect({ points, score, level, alerts }).toEqual({ points: 3400, score: 1000, level: 'CRITICAL', alerts: true })
  })

  test('a payment without hits has the level LOW and no alert', () => {
    expect(evaluate([{}])).toMatchObject({ hits: [], points: 0, score: 0, level: 'LOW', alerts: false })
  })

  test.each([
    [800, 'CRITICAL'],
    [799, 'HIGH'],
    [600, 'HIGH'],
    [599, 'MEDIUM'],
    [400, 'MEDIUM'],
    [399, 'LOW'],
  ])('a score of %i is %s', (points, level) => {
    const rules = [{ id: 'high-amount', feature: 'amount', mode: 'ACTIVE', points, moreThanUnits: 0 }] as const
    expect(evaluate([{}], { ...defaultRuleSet, rules }).level).toBe(level)
  })

  test('advisory rules alert together, from 800 points on, but not alone', () => {
    const advisory = (id: string, points: number) =>
      ({ id, feature: 'amount', mode: 'ADVISORY', points, moreThanUnits: 0 }) as const
    expect(evaluate([{}], { ...defaultRuleSet, rules: [advisory('a', 799)] }).alerts).toBe(false)
    const both = evaluate([{}], { ...defaultRuleSet, rules: [advisory('a', 400), advisory('b', 400)] })
    expect(both).toMatchObject({ alerts: true, score: 800, level: 'CRITICAL' })
  })
})
