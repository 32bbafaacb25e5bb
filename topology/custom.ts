import type { Aggregate } from './aggregates.ts'

type Given<V, A, R> = Omit<Aggregate<V, A, R>, 'kind'> & { readonly kind?: string }

/** An aggregate after which rows can be deleted. */
export type Deleting<V, A, R> = Aggregate<V, A, R> & { isEmpty(accumulator: A): boolean }

/**
 * An aggregate of your own. It must obey these laws, or results depend on how records are spread over tasks:
 * folding all of `a` then all of `b` is `merge(fold(a), fold(b))`; `merge` is associative; `subtract` of the oldest
 * value gives what folding the others gives, exactly; `state` reads what it wrote.
 */
export function custom<V, A, R>(aggregate: Given<V, A, R> & { isEmpty(accumulator: A): boolean }): Deleting<V, A, R>
export function custom<V, A, R>(aggregate: Given<V, A, R>): Aggregate<V, A, R>
export function custom<V, A, R>(aggregate: Given<V, A, R>): Aggregate<V, A, R> {
  return { kind: 'custom', ...aggregate }
}
