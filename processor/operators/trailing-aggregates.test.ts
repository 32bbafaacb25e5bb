import { expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { type Aggregate, over, prior } from '../../topology/aggregates.ts'
import { approximateDistinctCount, approximateTop } from '../../topology/approximate.ts'
import { bigintSum, count, ratio, sum } from '../../topology/counting.ts'
import { distinct, distinctCount } from '../../topology/members.ts'
import { first, latest, list } from '../../topology/picking.ts'
import { quantile, quantiles } from '../../topology/quantile.ts'
import { floatSum, max, mean, min, stddev } from '../../topology/statistics.ts'
import { top } from '../../topology/top.ts'
import { OperatorRig, seeded } from './testing.ts'
import { Trailing } from './trailing.ts'

interface Payment {
  readonly shop: string
  readonly cents: number
  readonly rate: number
}

const cents = (payment: Payment): number => payment.cents
const rate = (payment: Payment): number => payment.rate
const shop = (payment: Payment): string => payment.shop
const small = (payment: Payment): boolean => payment.cents < 5000

const all: Readonly<Record<string, Aggregate<Payment, any, unknown>>> = {
  count: count(small),
  sum: sum(cents),
  bigintSum: bigintSum(payment => BigInt(payment.cents) ** 5n),
  ratio: ratio(small),
  mean: mean(rate),
  floatSum: floatSum(rate),
  min: min(rate),
  max: max(cents, small),
  stddev: stddev(rate),
  latest: latest(shop, { where: small }),
  first: first(shop, { where: small }),
  list: list(cents),
  newest: list(cents, { limit: 7 }),
  distinct: distinct(shop, text),
  distinctCount: distinctCount(cents, int64),
  top: top(3, { by: shop, value: cents }),
  quantile: quantile(0.9, rate),
  quantiles: quantiles([0.1, 0.5], cents),
  approximateDistinctCount: approximateDistinctCount(cents, int64, { precision: 4 }),
  approximateTop: approximateTop(3, { by: shop, capacity: 3 }),
}

const spanMs = 150
const graceMs = 20
const spans = Object.fromEntries(
  Object.entries(all).flatMap(([name, aggregate]) => [
    [name, over(spanMs, aggregate)],
    [`${name} before`, prior(spanMs / 2, aggregate)],
  ]),
)

const rigFor = (): OperatorRig =>
  new OperatorRig({
    stores: ['*history'],
    build: (context, out) => [
      new Trailing(
        {
          kind: 'trailing',
          store: 'history',
          key: text,
          graceMs,
          remember: value => value,
          event: json<Payment>('payment', value => value as Payment),
          spans,
        },
        context,
        out,
      ),
    ],
  })

interface Arrived {
  readonly key: string
  readonly time: number
  readonly payment: Payment
}

/** Each result folded from scratch, over all events that arrived. */
function fromScratch(arrived: readonly Arrived[], { key, time }: Arrived): Record<string, unknown> {
  const mine = arrived.filter(event => event.key === key && event.time <= time).toSorted((a, b) => a.time - b.time)
  const results: Record<string, unknown> = {}
  for (const [name, { aggregate, includes, spanMs }] of Object.entries(spans)) {
    const inside = (includes === 'prior' ? mine.slice(0, -1) : mine).filter(event => event.time >= time - spanMs)
    const folded: unknown = inside.reduce<unknown>(
      (accumulator, event) => aggregate.add(accumulator, event.payment),
      aggregate.init(),
    )
    results[name] = shown(aggregate.result(folded))
  }
  return results
}

/** A set as a list: the order of its members counts. */
const shown = (result: unknown): unknown => (result instanceof Set ? [...(result as Set<unknown>)] : result)

test.each([1, 2, 3])(
  'every aggregate over long windows, seed %i: to the last digit what a fold from scratch gives',
  { timeout: 30_000 },
  async seed => {
    const random = seeded(seed)
    const rig = rigFor()
    let arrived: Arrived[] = []
    let committed: Arrived[] = []
    let now = 0
    let held = 0
    for (let i = 0; i < 300; i++) {
      const dice = random()
      if (dice < 0.05) {
        await rig.commit({ flush: dice < 0.02 })
        committed = arrived.slice()
      } else if (dice < 0.055) rig.evict(0)
      else if (dice < 0.065) {
        await (dice < 0.058 ? rig.rollback() : rig.restart(dice < 0.061 ? 'disk' : 'changelog'))
        arrived = committed.slice()
      }
      now += Math.floor(random() * 4)
      const late = random() < 0.02 ? Math.floor(random() * graceMs) : 0
      const payment = {
        shop: `shop-${Math.floor(random() ** 2 * 12)}`,
        cents: Math.floor(random() * 10_000),
        rate: (random() - 0.4) * 10 ** Math.floor(random() * 12 - 6),
      }
      const event: Arrived = { key: random() < 0.7 ? 'a' : 'b', time: Math.max(0, now - late), payment }
      const [sent] = rig.send(event.key, payment, event.time)
      arrived.push(event)
      // Rolled back, stream time is lower than `now`, never higher: no event is too late for a result.
      const { event: _, ...results } = sent!.value as Record<string, unknown>
      const found = Object.fromEntries(Object.entries(results).map(([name, result]) => [name, shown(result)]))
      expect({ i, ...found }).toEqual({ i, ...fromScratch(arrived, event) })
      held = Math.max(held, found['distinctCount'] as number)
    }
    // Windows were long enough for running folds.
    expect(held).toBeGreaterThan(60)
  },
)
