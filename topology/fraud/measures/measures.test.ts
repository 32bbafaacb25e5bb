import { expect, test } from 'vitest'
import type { Aggregate } from '../../aggregates.ts'
import type { PastPayment } from '../history.ts'
import { randomOf } from '../oracle/random.ts'
import { baseline } from './baseline.ts'
import { events, locatedEvents } from './events.ts'
import { latestPlace } from './latest-place.ts'

const random = randomOf(42)
const payments: PastPayment[] = Array.from({ length: 400 }, (_, offset) => ({
  paymentId: `p${offset}`,
  partition: 0,
  offset,
  eventTime: offset,
  amountMinor: random() < 0.2 ? 1e15 : Math.floor(random() * 1_000),
  currency: random() < 0.8 ? 'EUR' : 'IRR',
  baseline: random() < 0.7,
  place: random() < 0.3 ? { latitude: offset, longitude: 0 } : null,
}))

const show: readonly [string, Aggregate<PastPayment, any, any>, (result: any) => unknown][] = [
  ['events', events, list => list.newest(1_000).map((p: PastPayment) => p.offset)],
  ['located events', locatedEvents, list => list.newest(1_000).map((p: PastPayment) => p.offset)],
  ['latest place', latestPlace, payment => payment?.offset],
  [
    'baseline',
    baseline,
    sums =>
      ['EUR', 'IRR'].map(currency => {
        const found = sums.of(currency)
        return found === null ? null : [found.count, found.sumMinor]
      }),
  ],
]

test.each(show)('%s: what leaves a sliding window leaves nothing behind', (_name, aggregate, shown) => {
  let sliding = aggregate.init()
  let oldest = 0
  for (let newest = 0; newest < payments.length; newest++) {
    // Windows of changing size, some of them empty.
    const size = Math.floor(random() * 40)
    sliding = aggregate.add(sliding, payments[newest]!)
    // Copies: a store may have decoded an event anew by the time it leaves.
    for (; oldest <= newest - size; oldest++) sliding = aggregate.subtract!(sliding, { ...payments[oldest]! })
    const fresh = payments.slice(oldest, newest + 1).reduce((all, p) => aggregate.add(all, p), aggregate.init())
    expect(shown(aggregate.result(sliding))).toEqual(shown(aggregate.result(fresh)))
  }
})

test.each(show)(
  '%s: two halves merge into the whole, and the second half stays as it is',
  (_name, aggregate, shown) => {
    const fold = (some: readonly PastPayment[]) => some.reduce((all, p) => aggregate.add(all, p), aggregate.init())
    const right = fold(payments.slice(10, 30))
    const merged = aggregate.merge(fold(payments.slice(0, 10)), right)
    aggregate.add(merged, payments[30]!)
    expect(shown(aggregate.result(merged))).toEqual(shown(aggregate.result(fold(payments.slice(0, 31)))))
    expect(shown(aggregate.result(right))).toEqual(shown(aggregate.result(fold(payments.slice(10, 30)))))
  },
)
