import type { Serde } from '../schemas/serde.ts'
import { type Deleted, type Duration, durationMs, type Span } from './windows.ts'

/**
 * A way to fold many values into one, as a value of its own: what it starts from, how it takes in a value, how two
 * halves merge (partial aggregates, sessions), and, where that is exact, how a value leaves again.
 *
 * `add`, `merge` and `subtract` may change and return their first argument; `merge` leaves its second as it is.
 */
export interface Aggregate<V, A, R> {
  readonly kind: string
  init(): A
  add(accumulator: A, value: V): A
  merge(left: A, right: A): A
  /** Takes out what was added first of what is still in. Only where that is exact. */
  subtract?(accumulator: A, value: V): A
  result(accumulator: A): R
  /**
   * Whether nothing is left. A row of which this holds in every field is deleted: the next value starts afresh, and
   * `changes()` tells of it. Without this function there is always something left.
   */
  isEmpty?(accumulator: A): boolean
  readonly state: Serde<A>
  /** The memory of an accumulator in bytes, roughly. Absent: that of a few numbers. */
  sizeBytes?(accumulator: A): number
  /**
   * The same without error, at a cost for each value that is in: what trailing spans fold, which hold every event
   * anyway.
   */
  readonly exact?: Aggregate<V, any, R>
}

/** An aggregate that takes out any value that is in, whichever was added first: what a table's groups fold. */
export interface Reversible<V, A, R> extends Aggregate<V, A, R> {
  readonly reversible: true
  subtract(accumulator: A, value: V): A
  readonly exact?: never
}

/** An aggregate over the last `spanMs` before each event: with that event (`over`), or of those before it (`prior`). */
export interface Over<V, A, R> {
  readonly spanMs: number
  readonly includes: 'event' | 'prior'
  readonly aggregate: Aggregate<V, A, R>
}

/** `aggregate` over this event and those of its key up to `span` before it: `[t - span, t]`, both inclusive. */
export const over = <V, A, R>(span: Duration, aggregate: Aggregate<V, A, R>): Over<V, any, R> => ({
  spanMs: durationMs(span, "The span of 'over'"),
  includes: 'event',
  aggregate: aggregate.exact ?? aggregate,
})

/** As `over`, without this event: what its key did in the `span` before it. */
export const prior = <V, A, R>(span: Duration, aggregate: Aggregate<V, A, R>): Over<V, any, R> => ({
  spanMs: durationMs(span, "The span of 'prior'"),
  includes: 'prior',
  aggregate: aggregate.exact ?? aggregate,
})

/** Aggregates by the name of the field that each result goes to. */
export type Spec<V> = Readonly<Record<string, Aggregate<V, any, any>>>

/** Trailing spans by the name of the field that each result goes to. */
export type Spans<V> = Readonly<Record<string, Over<V, any, any>>>

/** The result of a record of aggregates or spans: `{ n: count() }` gives `{ n: number }`. */
export type Results<S> = {
  readonly [Field in keyof S]: S[Field] extends Aggregate<any, any, infer R>
    ? R
    : S[Field] extends Over<any, any, infer R>
      ? R
      : never
}

/** Whether rows of these aggregates can be deleted: every one of them may find that nothing is left. */
export type Deletes<S> = S extends Readonly<Record<string, { isEmpty(accumulator: any): boolean }>> ? true : false

/** What `changes()` of windows gives: those that can lose all they hold, and merged sessions, are told as deleted. */
export type WindowChange<S, W> = W extends { readonly kind: 'session' }
  ? (Results<S> & Span) | Deleted
  : Deletes<S> extends true
    ? (Results<S> & Span) | Deleted
    : Results<S> & Span
