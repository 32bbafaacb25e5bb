import type { Aggregate } from '../../aggregates.ts'
import { withoutSerde } from '../../picking.ts'
import type { PastPayment } from '../history.ts'
import { minus, plus, type Sum } from '../money.ts'

export interface CurrencyBaseline {
  readonly currency: string
  count: number
  sumMinor: Sum
}

/** Number and sum of baseline payments by currency. Most customers use one, so a list is searched, not a map. */
export class Baseline {
  readonly #currencies: CurrencyBaseline[] = []

  of(currency: string): CurrencyBaseline | null {
    for (const entry of this.#currencies) if (entry.currency === currency) return entry
    return null
  }

  add(payment: PastPayment): void {
    let entry = this.of(payment.currency)
    if (entry === null) this.#currencies.push((entry = { currency: payment.currency, count: 0, sumMinor: 0 }))
    entry.count++
    entry.sumMinor = plus(entry.sumMinor, payment.amountMinor)
  }

  subtract(payment: PastPayment): void {
    const entry = this.of(payment.currency)!
    entry.count--
    entry.sumMinor = minus(entry.sumMinor, payment.amountMinor)
    if (entry.count === 0) this.#currencies.splice(this.#currencies.indexOf(entry), 1)
  }

  merge(other: Baseline): void {
    for (const { currency, count, sumMinor } of other.#currencies) {
      const entry = this.of(currency)
      if (entry === null) this.#currencies.push({ currency, count, sumMinor })
      else {
        entry.count += count
        entry.sumMinor = plus(entry.sumMinor, sumMinor)
      }
    }
  }
}

/** The customer's baseline: payments that were not refused or taken back. */
export const baseline: Aggregate<PastPayment, Baseline, Baseline> = {
  kind: 'baseline',
  init: () => new Baseline(),
  add(accumulator, payment) {
    if (payment.baseline) accumulator.add(payment)
    return accumulator
  },
  subtract(accumulator, payment) {
    if (payment.baseline) accumulator.subtract(payment)
    return accumulator
  },
  merge(left, right) {
    left.merge(right)
    return left
  },
  result: accumulator => accumulator,
  state: withoutSerde,
}
