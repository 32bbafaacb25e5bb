import type { Serde } from '../schemas/serde.ts'
import { type Aggregate, over, type Results, type Reversible } from './aggregates.ts'
import { approximateDistinctCount, approximateTop, type ApproximateTopRow } from './approximate.ts'
import { bigintSum, count, ratio, sum } from './counting.ts'
import { custom } from './custom.ts'
import { distinct, distinctCount } from './members.ts'
import { first, latest, list } from './picking.ts'
import { quantile, quantiles } from './quantile.ts'
import { floatSum, max, mean, min, stddev } from './statistics.ts'
import { top, type TopRow } from './top.ts'

// Checked by tsc, never run: what aggregates give, and what they cannot be used for.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): void => void (0 as unknown as T)

interface Payment {
  readonly shop: string
  readonly cents: number
  readonly nanos: bigint
}

declare const text: Serde<string>
declare const integer: Serde<number>

const spec = <S extends Readonly<Record<string, Aggregate<Payment, any, any>>>>(of: S): Results<S> => of as never

const row = spec({
  n: count(),
  cents: sum(p => p.cents),
  nanos: bigintSum(p => p.nanos),
  share: ratio(p => p.cents > 0),
  mean: mean(p => p.cents),
  total: floatSum(p => p.cents),
  least: min(p => p.cents),
  most: max(p => p.cents),
  spread: stddev(p => p.cents),
  first: first(p => p.shop),
  latest: latest(p => p.cents),
  list: list(p => p.shop),
  shops: distinct(p => p.shop, text),
  shopCount: distinctCount(p => p.shop, text),
  top: top(3, { by: p => p.shop }),
  late: quantile(0.99, p => p.cents),
  latencies: quantiles([0.5, 0.99], p => p.cents),
  about: approximateDistinctCount(p => p.shop, text),
  aboutTop: approximateTop(3, { by: p => p.shop }),
})
is<
  Equal<
    typeof row,
    {
      readonly n: number
      readonly cents: number
      readonly nanos: bigint
      readonly share: number | undefined
      readonly mean: number | undefined
      readonly total: number
      readonly least: number | undefined
      readonly most: number | undefined
      readonly spread: number | undefined
      readonly first: string | undefined
      readonly latest: number | undefined
      readonly list: readonly string[]
      readonly shops: ReadonlySet<string>
      readonly shopCount: number
      readonly top: readonly TopRow[]
      readonly late: number | undefined
      readonly latencies: readonly number[] | undefined
      readonly about: number
      readonly aboutTop: readonly ApproximateTopRow[]
    }
  >
>()
const trailing = over('5m', approximateTop<Payment>(3, { by: p => p.shop }))
is<Equal<Results<{ top: typeof trailing }>, { readonly top: readonly ApproximateTopRow[] }>>()

// @ts-expect-error a sum is of numbers
sum<Payment>(p => p.shop)
// @ts-expect-error a sum of bigints is a bigintSum
sum<Payment>(p => p.nanos)
// @ts-expect-error the serde is not that of the members
distinctCount<Payment, string>(p => p.shop, integer)
// @ts-expect-error members look the same when they are the same: objects do not
distinct((p: Payment) => p, text)
// @ts-expect-error a top says by whom
top<Payment>(3, {})
// @ts-expect-error a quantile comes first
quantile<Payment>((p: Payment) => p.cents)
// @ts-expect-error what keeps values takes their serde as an option
latest((p: Payment) => p.shop, text)

// Groups of a table take any value out again.
const grouped = (of: Reversible<Payment, any, any>): void => void of
for (const aggregate of [count<Payment>(), distinctCount((p: Payment) => p.shop, text)]) grouped(aggregate)
grouped(sum(p => p.cents))
grouped(mean(p => p.cents))
grouped(stddev(p => p.cents))
grouped(quantile(0.5, p => p.cents))
grouped(top(3, { by: p => p.shop }))
// @ts-expect-error the second smallest is not known
grouped(min((p: Payment) => p.cents))
// @ts-expect-error the one before is not known
grouped(latest((p: Payment) => p.shop))
// @ts-expect-error of a list only the oldest leaves
grouped(list((p: Payment) => p.shop))
// @ts-expect-error a register does not know its second longest run
grouped(approximateDistinctCount((p: Payment) => p.shop, text))
// @ts-expect-error a counter that was taken over does not come back
grouped(approximateTop<Payment>(3, { by: p => p.shop }))
const plain = {
  init: () => 0,
  add: (n: number) => n + 1,
  merge: (a: number, b: number) => a + b,
  result: (n: number) => n,
}
// @ts-expect-error subtract alone promises only that the oldest may leave
grouped(custom({ ...plain, subtract: (n: number) => n - 1, state: integer }))
