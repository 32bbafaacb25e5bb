import { expect, test } from 'vitest'
import type { Emission } from '../emission.ts'
import { countBy, firedByEmission, metresBetween } from '../testing/definitions.ts'
import { scenarioRules, scenarios } from './millrace/episodes.ts'
import { plantedCodes } from './millrace/faults.ts'
import { defaultShares, Millrace, type MillraceOptions } from './millrace.ts'

const take = (count: number, options: MillraceOptions): Emission[] => {
  const source = new Millrace(options)
  return Array.from({ length: count }, () => source.next())
}

const seed7 = take(50_000, { seed: 7 })
const fired = firedByEmission(seed7)
const kind = (emission: Emission): string => emission.expect!.kind

test('the same seed gives the same records, another seed gives others', () => {
  const first = seed7.slice(0, 3000)
  expect(take(3000, { seed: 7 })).toEqual(first)
  const other = take(3000, { seed: 8 })
  expect(other.map(emission => emission.payment.amountMinor)).not.toEqual(first.map(e => e.payment.amountMinor))
})

test('every rule and every code is in the first 5,000 records, whatever the seed', { timeout: 60_000 }, () => {
  for (let seed = 0; seed < 8; seed++) {
    const emissions = take(5000, { seed: seed * 7919 })
    const rules = new Set([...firedByEmission(emissions).values()].flat())
    expect([...rules].sort(), `seed ${seed * 7919}`).toEqual(Object.values(scenarioRules).sort())
    const codes = new Set(emissions.flatMap(emission => emission.expect!.codes))
    expect([...codes].sort()).toEqual([...plantedCodes, 'ERR_DUPLICATE'].sort())
    expect(new Set(emissions.map(kind))).toEqual(new Set(['valid', 'late', 'duplicate', 'rejected']))
  }
})

test('every episode fires its rule, on its last payment at the latest', () => {
  const episodes = Map.groupBy(
    seed7.filter(emission => emission.label !== null),
    emission => emission.label!.episodeId,
  )
  const complete = countBy(
    [...episodes.values()].map(payments => {
      const { scenario } = payments[0]!.label!
      const rule = scenarioRules[scenario as keyof typeof scenarioRules]
      const hits = payments.map(payment => fired.get(payment)!.includes(rule))
      if (scenario === 'VELOCITY' && payments.length === 8) {
        expect(hits.slice(5)).toEqual([true, true, true])
        return scenario
      }
      if (payments.length < (scenario.startsWith('GEO') || scenario.startsWith('IMP') ? 2 : 1)) return 'cut off'
      expect(hits.at(-1), `${scenario} ${payments[0]!.label!.episodeId}`).toBe(scenario !== 'VELOCITY')
      return scenario
    }),
  )
  for (const scenario of scenarios) expect(complete.get(scenario), scenario).toBeGreaterThanOrEqual(10)
  expect(complete.get('cut off') ?? 0).toBeLessThan(20)
})

test('GEO_PAIR is too slow for the rule on speed; IMPOSSIBLE_TRAVEL is too late for the rule on five minutes', () => {
  for (const [emission, rules] of fired) {
    if (emission.label?.scenario === 'GEO_PAIR') expect(rules).not.toContain('geo-speed')
    if (emission.label?.scenario === 'IMPOSSIBLE_TRAVEL') expect(rules).not.toContain('geo-50km')
  }
})

test('customers who are not robbed hardly ever fire a rule', () => {
  const alarms = [...fired].filter(([emission, rules]) => emission.label === null && rules.length > 0)
  const byRule = countBy(alarms.flatMap(([, rules]) => rules))
  expect(byRule.get('geo-50km') ?? 0).toBe(0)
  expect(byRule.get('geo-speed') ?? 0).toBe(0)
  expect(alarms.length).toBeLessThan(25)
})

test('each kind of trouble has its share', () => {
  const background = seed7.filter(({ payment }) => /^p\w+-\d+$/.test(payment.paymentId)).length
  const codes = countBy(seed7.flatMap(emission => emission.expect!.codes))
  for (const code of plantedCodes) {
    expect(Math.abs(codes.get(code)! - background * defaultShares.invalid), code).toBeLessThanOrEqual(2)
  }
  const kinds = countBy(seed7.map(kind))
  expect(Math.abs(kinds.get('late')! - background * defaultShares.late)).toBeLessThanOrEqual(4)
  expect(Math.abs(kinds.get('duplicate')! - background * defaultShares.duplicate)).toBeLessThanOrEqual(6)
})

test('sending time never goes back; records are at most 20 s behind it, the late ones two hours', () => {
  let previous = 0
  let behind = 0
  for (const emission of seed7) {
    if (emission.timestamp < previous) expect.fail(`${emission.timestamp} after ${previous}`)
    previous = emission.timestamp
    if (kind(emission) === 'rejected' || kind(emission) === 'duplicate') continue
    const delay = emission.timestamp - emission.payment.eventTime
    if (kind(emission) === 'late') expect(delay).toBe(7_200_000)
    else {
      if (delay < 0 || delay > 20_000) expect.fail(`${delay} ms behind`)
      if (delay > 0) behind++
    }
  }
  expect(behind / seed7.length).toBeCloseTo(defaultShares.outOfOrder, 2)
})

test('a duplicate is the same payment as one sent before; a conflict keeps the id', () => {
  const sent = new Map<string, Emission>()
  for (const emission of seed7) {
    const { payment } = emission
    if (kind(emission) === 'duplicate') expect(payment).toBe(sent.get(payment.paymentId)!.payment)
    else if (emission.expect!.codes[0] === 'ERR_DUPLICATE') {
      expect(payment.amountMinor).toBe(sent.get(payment.paymentId)!.payment.amountMinor + 1)
    } else if (kind(emission) !== 'rejected') {
      expect(sent.has(payment.paymentId)).toBe(false)
      sent.set(payment.paymentId, emission)
    }
  }
})

test('totals are stated and right; people pay in their own currency, near home or online', () => {
  const homes = new Map<string, Emission>()
  for (const emission of seed7) {
    const { payment } = emission
    if (kind(emission) === 'rejected') continue
    const total = payment.amountMinor + payment.vatMinor + payment.commissionMinor
    if (payment.totalMinor !== total) expect.fail(`${payment.totalMinor} stated, ${total} charged`)
    if (payment.channel === 'MOBILE') expect(['iOS', 'Android']).toContain(payment.device!.os)
    if (emission.label !== null || payment.geo === null) continue
    const first = homes.get(payment.customerId) ?? emission
    homes.set(payment.customerId, first)
    expect(metresBetween(first.payment, payment)).toBeLessThan(50_000)
    expect(payment.currency).toBe(first.payment.currency)
  }
  expect(new Set(seed7.map(({ payment }) => payment.currency)).size).toBeGreaterThanOrEqual(3)
})

test('without shares there are only plain payments', () => {
  const none = { outOfOrder: 0, late: 0, duplicate: 0, conflict: 0, invalid: 0, fraud: 0 }
  for (const emission of take(5000, { seed: 3, shares: none })) {
    expect(emission.expect!.kind).toBe('valid')
    expect(emission.payment.eventTime).toBe(emission.timestamp)
    expect(emission.label).toBeNull()
  }
})

test('options that make no sense are refused', () => {
  expect(() => new Millrace({ customers: 3 })).toThrow('The number of customers is 3; it must be a whole number')
  expect(() => new Millrace({ shares: { invalid: 0.2 } })).toThrow('at most half of the payments can be special')
  expect(() => new Millrace({ shares: { late: -1 } })).toThrow('The share of late is -1; shares are 0 to 1.')
})
