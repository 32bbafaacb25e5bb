import type { Aggregate } from '../../aggregates.ts'
import { withoutSerde } from '../../picking.ts'
import type { PastPayment } from '../history.ts'

/** The payments of a window, oldest first: the newest are added at one end, the oldest leave at the other. */
export class EventList {
  #items: PastPayment[] = []
  #start = 0

  get size(): number {
    return this.#items.length - this.#start
  }

  /** The newest payment is 0. */
  fromNewest(back: number): PastPayment {
    return this.#items[this.#items.length - 1 - back]!
  }

  /** At most `limit` payments, the newest first. */
  newest(limit: number): PastPayment[] {
    const found: PastPayment[] = []
    for (let back = 0; back < this.size && back < limit; back++) found.push(this.fromNewest(back))
    return found
  }

  push(payment: PastPayment): void {
    this.#items.push(payment)
  }

  /**
   * Lets the oldest go. The list is moved together when more than half of it is gone, which keeps this constant on
   * average.
   */
  shift(): void {
    this.#start++
    if (this.#start * 2 <= this.#items.length) return
    this.#items = this.#items.slice(this.#start)
    this.#start = 0
  }

  append(other: EventList): void {
    for (let at = other.#start; at < other.#items.length; at++) this.#items.push(other.#items[at]!)
  }
}

const listOf = (
  kind: string,
  listed: (payment: PastPayment) => boolean,
): Aggregate<PastPayment, EventList, EventList> => ({
  kind,
  init: () => new EventList(),
  add(list, payment) {
    if (listed(payment)) list.push(payment)
    return list
  },
  subtract(list, payment) {
    if (listed(payment)) list.shift()
    return list
  },
  merge(left, right) {
    left.append(right)
    return left
  },
  result: list => list,
  state: withoutSerde,
})

/** All payments of the window, in order. */
export const events = listOf('events', () => true)

/** Those that have a place. */
export const locatedEvents = listOf('located-events', payment => payment.place !== null)
