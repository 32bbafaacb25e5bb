import type { Aggregate } from './aggregates.ts'

/**
 * An aggregate of your own. It must obey these laws, or results depend on how records are spread over tasks:
 * folding all of `a` then all of `b` is `merge(fold(a), fold(b))`; `merge` is associative; `subtract` of the oldest
 * value gives what folding the others gives, exactly; `state` reads what it wrote.
 */
export const custom = <V, A, R>(
  aggregate: Omit<Aggregate<V, A, R>, 'kind'> & { readonly kind?: string },
): Aggregate<V, A, R> => ({ kind: 'custom', ...aggregate })
