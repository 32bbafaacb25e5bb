import { expect, test } from 'vitest'
import type { Emission } from '../emission.ts'
import { countBy, firedByEmission } from '../testing/definitions.ts'
import { drill, drillEmissions } from './drill.ts'
import { drillExpected } from './drill.expected.ts'

const emissions = drillEmissions()
const kind = (emission: Emission): string => emission.expect!.kind
const accepted = emissions.filter(emission => kind(emission) === 'valid' || kind(emission) === 'late')
const amounts = (list: readonly Emission[]): number => list.reduce((sum, { payment }) => sum + payment.amountMinor, 0)

test('the balance of records', () => {
  expect(emissions.length).toBe(drillExpected.payments)
  expect(accepted.length).toBe(drillExpected.valid)
  expect(emissions.filter(emission => kind(emission) === 'rejected').length).toBe(drillExpected.rejected)
  expect(emissions.filter(emission => kind(emission) === 'duplicate').length).toBe(drillExpected.duplicates)
  expect(emissions.filter(emission => kind(emission) === 'late').length).toBe(drillExpected.late)
  expect(emissions.filter(emission => emission.label !== null).length).toBe(drillExpected.labels)
})

test('the balance of amounts', () => {
  const inWindows = accepted.filter(emission => kind(emission) === 'valid')
  const settled = inWindows.filter(({ payment }) => payment.status === 'APPROVED')
  const declined = inWindows.filter(({ payment }) => payment.status === 'DECLINED')
  const late = accepted.filter(emission => kind(emission) === 'late')
  expect({
    valid: amounts(accepted),
    settled: amounts(settled),
    declined: amounts(declined),
    late: amounts(late),
  }).toEqual(drillExpected.amountMinor)
})

test('rejections by code', () => {
  const codes = emissions.flatMap(emission => emission.expect!.codes)
  expect(Object.fromEntries(countBy(codes))).toEqual(drillExpected.rejectedByCode)
})

test('records are in sending order, and only the late and the slow are sent after they took place', () => {
  for (let i = 1; i < emissions.length; i++) {
    expect(emissions[i]!.timestamp).toBeGreaterThanOrEqual(emissions[i - 1]!.timestamp)
  }
  const delays = accepted.map(({ payment, timestamp }) => timestamp - payment.eventTime).filter(delay => delay !== 0)
  expect(delays.filter(delay => delay === 20_000).length).toBe(100)
  expect(delays.filter(delay => delay === 7_200_000).length).toBe(10)
  expect(delays.length).toBe(110)
})

test('the rules, computed from their definitions, fire as often as the construction says', () => {
  const fired = [...firedByEmission(emissions).values()]
  expect(Object.fromEntries(countBy(fired.flat()))).toEqual(drillExpected.alertsByRule)
  expect(fired.filter(rules => rules.length > 0).length).toBe(drillExpected.alerts)
})

test('a payment sent twice is the same payment; a changed one keeps its id', () => {
  const byId = new Map(accepted.map(({ payment }) => [payment.paymentId, payment]))
  for (const emission of emissions) {
    const first = byId.get(emission.payment.paymentId)
    if (kind(emission) === 'duplicate') expect(emission.payment).toEqual(first)
    if (emission.expect!.codes[0] === 'ERR_DUPLICATE') expect(emission.payment).not.toEqual(first)
  }
  expect(byId.size).toBe(accepted.length)
})

test('the source gives the same records and then ends', () => {
  const source = drill()
  expect(emissions.map(() => source.next())).toEqual(emissions)
  expect(source.next()).toBeNull()
  expect(source.next()).toBeNull()
})
