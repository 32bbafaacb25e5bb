import { expect, test } from 'vitest'
import type { Emission } from '../emission.ts'
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
  const counts: Record<string, number> = {}
  for (const emission of emissions) {
    for (const code of emission.expect!.codes) counts[code] = (counts[code] ?? 0) + 1
  }
  expect(counts).toEqual(drillExpected.rejectedByCode)
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

// The rules as their definitions read, over plain lists.
function firedRules(emission: Emission, before: readonly Emission[]): string[] {
  const { payment } = emission
  const t = payment.eventTime
  const prior = before.filter(({ payment: old }) => old.customerId === payment.customerId && old.eventTime <= t)
  const within = (ms: number): Emission[] => prior.filter(({ payment: old }) => old.eventTime >= t - ms)
  const baseline = prior
    .filter(({ payment: old }) => old.status !== 'DECLINED')
    .map(({ payment: old }) => old.amountMinor)
  const latest = prior.reduce<Emission | null>(
    (best, next) => (best === null || next.payment.eventTime >= best.payment.eventTime ? next : best),
    null,
  )
  const fired: string[] = []
  if (within(120_000).length + 1 > 5) fired.push('velocity')
  if (within(300_000).some(old => metresBetween(old, emission) > 50_000)) fired.push('geo-50km')
  if (latest !== null) {
    const metres = metresBetween(latest, emission)
    if (metres > 50_000 && 3600 * metres > 1000 * (t - latest.payment.eventTime)) fired.push('geo-speed')
  }
  const sum = baseline.reduce((total, amount) => total + amount, 0)
  if (baseline.length >= 3 && payment.amountMinor * baseline.length > 10 * sum) fired.push('amount-10x')
  if (payment.amountMinor > 100_000) fired.push('high-amount')
  return fired
}

function metresBetween(a: Emission, b: Emission): number {
  const radians = Math.PI / 180
  const [lat1, lon1] = [a.payment.geo!.latitude! * radians, a.payment.geo!.longitude! * radians]
  const [lat2, lon2] = [b.payment.geo!.latitude! * radians, b.payment.geo!.longitude! * radians]
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)))
}

test('the rules, computed from their definitions, fire as often as the construction says', () => {
  const byCustomer = Map.groupBy(accepted, ({ payment }) => payment.customerId)
  const counts: Record<string, number> = {}
  let alerts = 0
  for (const list of byCustomer.values()) {
    for (const [i, emission] of list.entries()) {
      const fired = firedRules(emission, list.slice(0, i))
      if (fired.length > 0) alerts++
      for (const rule of fired) counts[rule] = (counts[rule] ?? 0) + 1
    }
  }
  expect(counts).toEqual(drillExpected.alertsByRule)
  expect(alerts).toBe(drillExpected.alerts)
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
  for (const emission of emissions) expect(source.next()).toEqual(emission)
  expect(source.next()).toBeNull()
  expect(source.next()).toBeNull()
})
