import { readInt64 } from '../schemas/int64.ts'
import { doubleState, exactly, type StateSerde } from './aggregate-state.ts'
import type { Aggregate } from './aggregates.ts'
import { LimitError } from './errors.ts'

// Statistics of any finite numbers. None can take a value out again: floating-point sums would drift, and a minimum
// does not remember its second. Trailing spans keep them with two stacks instead.

type Of<V> = (value: V) => number
type Where<V> = (value: V) => boolean

export interface Mean {
  sum: number
  count: number
}

/**
 * The mean as a floating-point number, undefined of none. For money use `sum` and `count`, which stay exact, and
 * divide where it is shown. Throws a `LimitError` on a value that is not finite, as all of this file do.
 */
export function mean<V>(of: Of<V>, where?: Where<V>): Aggregate<V, Mean, number | undefined> {
  return {
    kind: 'mean',
    init: () => ({ sum: 0, count: 0 }),
    add(mean, value) {
      if (where !== undefined && !where(value)) return mean
      mean.sum += finite(of(value))
      mean.count += 1
      return mean
    },
    merge(left, right) {
      left.sum += right.sum
      left.count += right.count
      return left
    },
    result: ({ sum, count }) => (count === 0 ? undefined : sum / count),
    state: meanState,
  }
}

/** The sum of fractions, with the rounding of doubles. For integers `sum` is exact and can subtract. */
export function floatSum<V>(of: Of<V>, where?: Where<V>): Aggregate<V, number, number> {
  return {
    kind: 'floatSum',
    init: () => 0,
    add: (total, value) => (where === undefined || where(value) ? total + finite(of(value)) : total),
    merge: (left, right) => left + right,
    result: total => total,
    state: doubleState,
  }
}

/** The smallest number; undefined of none. */
export function min<V>(of: Of<V>, where?: Where<V>): Aggregate<V, number, number | undefined> {
  return extreme('min', Number.POSITIVE_INFINITY, Math.min, of, where)
}

/** The largest number; undefined of none. */
export function max<V>(of: Of<V>, where?: Where<V>): Aggregate<V, number, number | undefined> {
  return extreme('max', Number.NEGATIVE_INFINITY, Math.max, of, where)
}

function extreme<V>(
  kind: string,
  none: number,
  better: (a: number, b: number) => number,
  of: Of<V>,
  where?: Where<V>,
): Aggregate<V, number, number | undefined> {
  return {
    kind,
    init: () => none,
    add: (best, value) => (where === undefined || where(value) ? better(best, finite(of(value))) : best),
    merge: better,
    result: best => (best === none ? undefined : best),
    state: doubleState,
  }
}

/** The count, the mean, and the sum of squared distances from the mean. */
export interface Moments {
  count: number
  mean: number
  squares: number
}

/**
 * The standard deviation of the values as a whole population: 0 of one value, undefined of none.
 *
 * Welford (1962), "Note on a method for calculating corrected sums of squares and products"; halves merge by Chan,
 * Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances".
 */
export function stddev<V>(of: Of<V>, where?: Where<V>): Aggregate<V, Moments, number | undefined> {
  return {
    kind: 'stddev',
    init: () => ({ count: 0, mean: 0, squares: 0 }),
    add(moments, value) {
      if (where !== undefined && !where(value)) return moments
      const x = finite(of(value))
      const delta = x - moments.mean
      moments.count += 1
      moments.mean += delta / moments.count
      moments.squares += delta * (x - moments.mean)
      return moments
    },
    merge(left, right) {
      if (right.count === 0) return left
      const count = left.count + right.count
      const delta = right.mean - left.mean
      left.squares += right.squares + delta * delta * ((left.count * right.count) / count)
      left.mean += delta * (right.count / count)
      left.count = count
      return left
    },
    result: ({ count, squares }) => (count === 0 ? undefined : Math.sqrt(squares / count)),
    state: momentsState,
  }
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value
  throw new LimitError(`An aggregate of numbers was given ${value}. Leave such values out with 'where'.`)
}

const meanState: StateSerde<Mean> = {
  name: 'mean',
  sizeBytes: 16,
  write(mean, out) {
    out.f64(mean.sum)
    out.i64(mean.count)
  },
  read(bytes, start, end) {
    exactly(16, start, end)
    return { sum: bytes.readDoubleBE(start), count: readInt64(bytes, start + 8) }
  },
}

const momentsState: StateSerde<Moments> = {
  name: 'stddev',
  sizeBytes: 24,
  write(moments, out) {
    out.i64(moments.count)
    out.f64(moments.mean)
    out.f64(moments.squares)
  },
  read(bytes, start, end) {
    exactly(24, start, end)
    return {
      count: readInt64(bytes, start),
      mean: bytes.readDoubleBE(start + 8),
      squares: bytes.readDoubleBE(start + 16),
    }
  },
}
