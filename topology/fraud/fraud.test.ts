import { expect, test } from 'vitest'
import type { Analytics, FraudAlert, RejectedPayment } from '../../schemas/payments/types.ts'
import { checkFigure } from './kpi/analytics.ts'
import { catalogue } from './kpi/catalogue.ts'
import { differences } from './oracle/compare.ts'
import type { Emission } from './oracle/emission.ts'
import { Interpreter } from './oracle/interpret.ts'
import { type Expected, expected } from './oracle/oracle.ts'
import { noon, paymentOf } from './oracle/payment.ts'
import { randomEmissions } from './oracle/random.ts'
import { fraudTopology, type Outcome } from './topology.ts'

function run(emissions: readonly Emission[]) {
  const outcomes: Outcome[] = []
  const interpreter = new Interpreter(fraudTopology({ observe: outcome => outcomes.push(outcome) }).plan)
  for (const emission of emissions) interpreter.take(emission)
  interpreter.end()
  const written = (topic: string) => interpreter.written.get(topic) ?? []
  return {
    outcomes,
    written,
    alerts: written('fraud_alerts').map(({ value }) => value as FraudAlert),
    analytics: written('analytics').map(({ key, value }) => [key as string, value as Analytics] as const),
    rejected: written('payments_rejected').map(({ value }) => value as RejectedPayment),
    late: written('payments_late').length,
  }
}

const counted = (outcomes: readonly Outcome[], kind: Outcome['kind']): number =>
  outcomes.filter(outcome => outcome.kind === kind).length

test.each([
  { seed: 1, partitions: 1, everyMs: 4_000 },
  { seed: 2, partitions: 1, everyMs: 400 },
  { seed: 3, partitions: 1, everyMs: 3_600_000 },
  { seed: 4, partitions: 3, everyMs: 4_000 },
  { seed: 5, partitions: 6, everyMs: 10_000 },
])('the topology means what the oracle computes: %o', options => {
  const emissions = randomEmissions({ count: 1_500, ...options })
  const want = expected(emissions)
  const got = run(emissions)
  const duplicates = counted(got.outcomes, 'duplicate')
  expect(differences({ ...got, duplicates }, want)).toEqual([])

  // The input meets what it is made for.
  expect(Object.keys(want.rejectedByCode).length).toBeGreaterThanOrEqual(9)
  for (const list of [want.alerts, want.rejected, want.late, want.duplicates]) expect(list.length).toBeGreaterThan(10)
  if (options.everyMs < 3_600_000) expect(Object.keys(want.alertsByRule).sort()).toEqual(fiveRules)
  expect(want.payments).toBe(want.valid + want.rejected.length + want.duplicates.length)
  expect(counted(got.outcomes, 'valid')).toBe(want.valid)
  expect(counted(got.outcomes, 'alert')).toBe(want.alerts.length)
  for (const [, figure] of got.analytics) checkFigure(catalogue, figure)
})

test('a payment more than 25 h behind its partition is valid, but neither evaluated nor counted', () => {
  const at = (offset: number, time: number): Emission => ({
    topic: 'payments',
    partition: 0,
    offset,
    key: 'c-1',
    recordTime: time,
    payment: paymentOf({ paymentId: `p${offset}`, eventTime: time, amountMinor: 200_000 }),
  })
  const hours = 3_600_000
  // Record times that go back: a producer's clock, or a replay of unsorted files.
  const emissions = [at(0, noon), at(1, noon - 25 * hours), at(2, noon - 25 * hours - 1)]
  const want = expected(emissions)
  expect(want).toMatchObject({ valid: 3, late: [{ offset: 1 }], unevaluated: [{ offset: 2 }] })
  const got = run(emissions)
  expect(got.alerts.map(alert => alert.input.offset)).toEqual([0, 1])
  expect(differences(got, want)).toEqual([])
})

test('a record without a value is rejected as empty', () => {
  const empty = { topic: 'payments', partition: 0, offset: 7, key: 'c-1', recordTime: noon, payment: null, value: null }
  const emissions: Emission[] = [{ ...empty, failure: 'ERR_EMPTY' }]
  const { rejected } = run(emissions)
  expect(rejected[0]).toMatchObject({ offset: 7, recordTime: noon, value: null, schemaId: null, paymentId: null })
  expect(differences({ alerts: [], analytics: [], rejected }, expected(emissions))).toEqual([])
})

const fiveRules = ['amount-10x', 'geo-50km', 'geo-speed', 'high-amount', 'velocity']

test('customer rules and figures do not depend on the number of partitions', () => {
  const inputs = [1, 3, 6].map(partitions => randomEmissions({ count: 1_000, seed: 7, partitions }))
  const found = inputs.map(emissions =>
    expected(emissions)
      .alerts.map(({ paymentId, hits, score }) =>
        JSON.stringify([
          paymentId,
          hits.map(({ ruleId, observed, windowStart, windowEnd }) => [ruleId, observed, windowStart, windowEnd]),
          score,
        ]),
      )
      .sort(),
  )
  expect(found[1]).toEqual(found[0])
  expect(found[2]).toEqual(found[0])
})

test('the members of a dimension add up to the whole', () => {
  const { analytics } = run(randomEmissions({ count: 1_000, seed: 13 }))
  const sums = new Map<string, [number, number, number]>()
  for (const [, { kpi, dimension, currency, windowStart, count, numerator, denominator }] of analytics) {
    if (kpi !== 'volume' && kpi !== 'alert.rate') continue
    const sum = sums.get(`${kpi} ${currency} ${windowStart} ${dimension === ''}`) ?? [0, 0, 0]
    sums.set(`${kpi} ${currency} ${windowStart} ${dimension === ''}`, sum)
    for (const [i, figure] of [count, numerator, kpi === 'alert.rate' ? denominator : 0].entries()) sum[i]! += figure
  }
  expect(sums.size).toBeGreaterThan(100)
  for (const [key, sum] of sums) expect(sum, key).toEqual(sums.get(key.replace(/false$/, 'true')))
})

test('keys, times and bytes of what is written', () => {
  const emissions = randomEmissions({ count: 1_000, seed: 11 })
  const { written } = run(emissions)
  for (const { key, value, timestamp } of written('fraud_alerts')) {
    expect({ key, timestamp }).toEqual({
      key: (value as FraudAlert).customerId,
      timestamp: (value as FraudAlert).eventTime,
    })
  }
  for (const { key, value } of written('payments_rejected')) {
    const rejected = value as RejectedPayment
    const original = emissions[rejected.offset]!
    expect(key).toEqual(rejected.key)
    expect(rejected.recordTime).toBe(original.recordTime)
    if (rejected.errors.some(error => error.code === 'ERR_SAD')) {
      expect(rejected.value!.length).toBe(original.value!.length)
      expect(rejected.value!.includes('4111111111111111')).toBe(false)
    } else {
      expect(rejected.value!.equals(original.value!)).toBe(true)
      expect(rejected.key?.toString() ?? null).toBe(original.key)
    }
  }
})

test('the comparison finds every kind of difference', () => {
  const want: Expected = expected(randomEmissions({ count: 500, seed: 3, everyMs: 400 }))
  const good = {
    alerts: want.alerts,
    analytics: [...want.analytics],
    late: want.late.length,
    duplicates: want.duplicates.length,
  }
  expect(differences(good, want)).toEqual([])
  const [first, ...others] = want.alerts
  const [figure, ...figures] = want.analytics
  expect(differences({ ...good, alerts: others }, want)[0]).toMatch(/^alert payments-.* is missing/)
  expect(differences({ ...good, alerts: [first!, ...want.alerts] }, want)[0]).toMatch(/was written twice/)
  expect(differences({ ...good, alerts: [{ ...first!, score: 1 }, ...others] }, want)).toEqual([
    `alert ${first!.alertId} differs.score: 1, expected ${first!.score}`,
  ])
  expect(differences({ ...good, alerts: want.alerts.toReversed() }, want).join()).toMatch(/comes after a later one/)
  const wrong: [string, Analytics] = [figure![0], { ...figure![1], numerator: figure![1].numerator + 1 }]
  expect(differences({ ...good, analytics: [wrong, ...figures] }, want)[0]).toMatch(/^figure .* differs.numerator/)
  expect(differences({ ...good, late: -1, duplicates: -1 }, want)).toHaveLength(2)
})
