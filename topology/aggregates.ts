import type { Serde } from '../schemas/serde.ts'

/**
 * A way to fold many values into one, as a value of its own: what it starts from, how it takes in a value, how two halves
 * merge (partial aggregates, sessions), and, where that is exact, how a value leaves again.
 *
 * `add`, `merge` and `subtract` may change and return their first argument; `merge` leaves its second as it is.
 */
export interface Aggregate<V, A, R> {
  readonly kind: string
  init(): A
  add(accumulator: A, value: V): A
  merge(left: A, right: A): A
  /** Only where exact: counts and integer sums, never floating-point sums. The oldest value leaves first. */
  subtract?(accumulator: A, value: V): A
  result(accumulator: A): R
  readonly state: Serde<A>
}

/** An aggregate over the last `spanMs` before each event: with that event (`over`), or of those before it (`prior`). */
export interface Over<V, A, R> {
  readonly spanMs: number
  readonly includes: 'event' | 'prior'
  readonly aggregate: Aggregate<V, A, R>
}
