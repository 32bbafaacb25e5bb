import { Buffer } from 'node:buffer'
import type { Payment } from '../../../schemas/payments/types.ts'
import type { Emission } from './emission.ts'
import { deviceOf, noon, paymentOf, placeOf } from './payment.ts'

/** A small generator of numbers in [0, 1) (mulberry32), so that a seed names a test's input. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface RandomOptions {
  readonly count: number
  readonly seed: number
  readonly partitions?: number
  readonly customers?: number
  /** Mean time between two payments of the whole input. */
  readonly everyMs?: number
}

/**
 * Payments that meet many edges: few customers, few places, equal times, round distances in time, late payments,
 * copies, conflicts, and every way to be invalid. In order of arrival; a customer's payments are in one partition.
 */
export function randomEmissions({
  count,
  seed,
  partitions = 1,
  customers = 12,
  everyMs = 4_000,
}: RandomOptions): Emission[] {
  const random = randomOf(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const offsets = new Array<number>(partitions).fill(0)
  const emissions: Emission[] = []
  let now = noon
  for (let i = 0; i < count; i++) {
    now += pick([0, 0, 1, everyMs, Math.round(2 * everyMs * random())])
    const earlier = emissions.length > 0 ? pick(emissions.slice(-15)) : null
    const again = earlier !== null && now - earlier.payment!.eventTime < 80_000_000 && random() < 0.03
    const payment = again
      ? random() < 0.6
        ? earlier.payment!
        : { ...earlier.payment!, amountMinor: earlier.payment!.amountMinor + 1, totalMinor: null }
      : spoil(somePayment(i, now, Math.floor(random() * customers), pick, random), now, pick, random)
    const customer = Number(payment.customerId.slice(1)) || 0
    const partition = customer % partitions
    const key = random() < 0.002 ? null : payment.customerId
    const value = Buffer.from(JSON.stringify(payment))
    emissions.push({
      topic: 'payments',
      partition,
      offset: offsets[partition]!++,
      key,
      recordTime: now,
      payment,
      value,
    })
  }
  return emissions
}

type Pick = <T>(from: readonly T[]) => T

function somePayment(i: number, now: number, customer: number, pick: Pick, random: () => number): Payment {
  const late = pick([0, 0, 0, 0, 0, 0, 1, 20_000, 59_999, 60_000, 60_001, 300_000, 7_200_000, 86_400_000])
  return paymentOf({
    paymentId: `p${i}`,
    customerId: `c${customer}`,
    merchantId: pick(['m1', 'm2', 'm10', 'mé', 'm/3', 'm4', 'm5', 'm6']),
    eventTime: now - (random() < 0.6 ? 0 : late),
    amountMinor: pick([0, 100, 1_000, 1_000, 1_100, 10_000, 10_001, 100_000, 100_001, 30_000_000]),
    currency: customer % 4 === 3 ? pick(['EUR', 'IRR']) : 'EUR',
    commissionMinor: pick([0, 10, 20, 20, 30]),
    commissionType: pick(['UNKNOWN', 'FLAT', 'PROGRESSIVE', 'TIERED']),
    status: pick(['APPROVED', 'APPROVED', 'APPROVED', 'DECLINED', 'FAILED', 'REVERSED', 'PENDING']),
    category: pick(['unknown', 'food_service', 'a/b', '']),
    geo: pick([
      null,
      placeOf(null, null),
      placeOf(48.85, 2.35),
      placeOf(48.85, 2.35),
      placeOf(48.86, 2.36),
      placeOf(49.4, 2.35),
    ]),
  })
}

function spoil(payment: Payment, now: number, pick: Pick, random: () => number): Payment {
  if (random() > 0.06) return payment
  const faults: readonly Partial<Payment>[] = [
    { paymentId: '' },
    { amountMinor: -1 },
    { totalMinor: 1 },
    { currency: 'EUX' },
    { eventTime: now + 1 },
    { eventTime: now - 86_400_001 },
    { eventTime: now + 315_360_000_000 },
    { channel: 'MOBILE', device: deviceOf({ os: 'ios' }) },
    { geo: placeOf(91, 0) },
    { attributes: { cvv: '123' } },
    { merchantId: '4111111111111111', currency: 'eur' },
  ]
  return { ...payment, ...pick(faults) }
}
