import { readInt64 } from '../schemas/int64.ts'
import { damaged, doubleState, type StateSerde } from './aggregate-state.ts'
import type { Aggregate, Reversible } from './aggregates.ts'
import { LimitError } from './errors.ts'
import {
  addFloat,
  addFloats,
  addProduct,
  type FloatSum,
  floatSumSize,
  floatSumState,
  readFloatSum,
  roundFloat,
  writeFloatSum,
} from './float-sum.ts'

// Statistics of any finite numbers. Their sums are exact until the result is rounded: the order of the values, and how
// their folds were merged, change no digit of it, and any value can leave again.

type Of<V> = (value: V) => number
type Where<V> = (value: V) => boolean

export interface Mean {
  readonly sum: FloatSum
  count: number
}

/**
 * The mean as a floating-point number, undefined of none: the exact sum is rounded, then the quotient. For money use
 * `sum` and `count`, and divide where it is shown. Throws a `LimitError` on a value that is not finite, as all of this
 * file do.
 */
export function mean<V>(of: Of<V>, where?: Where<V>): Reversible<V, Mean, number | undefined> {
  const change = (mean: Mean, value: V, sign: 1 | -1): Mean => {
    if (where !== undefined && !where(value)) return mean
    addFloat(mean.sum, sign * finite(of(value)))
    mean.count += sign
    return mean
  }
  return {
    kind: 'mean',
    reversible: true,
    init: () => ({ sum: [], count: 0 }),
    add: (mean, value) => change(mean, value, 1),
    merge(left, right) {
      addFloats(left.sum, right.sum)
      left.count += right.count
      return left
    },
    subtract: (mean, value) => change(mean, value, -1),
    result: ({ sum, count }) => (count === 0 ? undefined : roundFloat(sum) / count),
    state: meanState,
  }
}

/** The sum of any numbers, rounded once, to the nearest double. For integers `sum` is faster and smaller. */
export function floatSum<V>(of: Of<V>, where?: Where<V>): Reversible<V, FloatSum, number> {
  const change = (sum: FloatSum, value: V, sign: 1 | -1): FloatSum => {
    if (where === undefined || where(value)) addFloat(sum, sign * finite(of(value)))
    return sum
  }
  return {
    kind: 'floatSum',
    reversible: true,
    init: () => [],
    add: (sum, value) => change(sum, value, 1),
    merge(left, right) {
      addFloats(left, right)
      return left
    },
    subtract: (sum, value) => change(sum, value, -1),
    result: roundFloat,
    state: floatSumState,
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

/** The count, and the exact sums of the values and of their squares. */
export interface Moments {
  count: number
  readonly sum: FloatSum
  readonly squares: FloatSum
}

/** Values beyond this have squares whose sums could leave the doubles; 2.9e135. */
const largestSquared = 2 ** 450

/**
 * The standard deviation of the values as a whole population: 0 of one value, undefined of none. Right to within 2
 * units in the last place. Throws a `LimitError` on values beyond 2.9e135.
 *
 * `sqrt(n * sum(x^2) - sum(x)^2) / n`, of exact sums: the difference, where this formula is known to lose all digits,
 * is exact as well. The updates of Welford (1962) and Chan, Golub and LeVeque (1979) would do with three doubles, but
 * their last digits depend on the order, on how folds were merged, and nothing could leave.
 */
export function stddev<V>(of: Of<V>, where?: Where<V>): Reversible<V, Moments, number | undefined> {
  const change = (moments: Moments, value: V, sign: 1 | -1): Moments => {
    if (where !== undefined && !where(value)) return moments
    const x = finite(of(value))
    if (Math.abs(x) > largestSquared)
      throw new LimitError(`A standard deviation was given ${x}, whose square is too large. Leave it out with 'where'.`)
    moments.count += sign
    addFloat(moments.sum, sign * x)
    addProduct(moments.squares, x, x, sign)
    return moments
  }
  return {
    kind: 'stddev',
    reversible: true,
    init: () => ({ count: 0, sum: [], squares: [] }),
    add: (moments, value) => change(moments, value, 1),
    merge(left, right) {
      left.count += right.count
      addFloats(left.sum, right.sum)
      addFloats(left.squares, right.squares)
      return left
    },
    subtract: (moments, value) => change(moments, value, -1),
    result: deviation,
    state: momentsState,
  }
}

function deviation({ count, sum, squares }: Moments): number | undefined {
  if (count === 0) return undefined
  const difference: FloatSum = []
  for (const part of squares) addProduct(difference, count, part, 1)
  for (const left of sum) for (const right of sum) addProduct(difference, left, right, -1)
  return Math.sqrt(Math.max(0, roundFloat(difference)) / count / count)
}

export function finite(value: number): number {
  if (Number.isFinite(value)) return value
  throw new LimitError(`An aggregate of numbers was given ${value}. Leave such values out with 'where'.`)
}

const meanState: StateSerde<Mean> = {
  name: 'mean',
  write(mean, out) {
    out.i64(mean.count)
    writeFloatSum(mean.sum, out)
  },
  read(bytes, start, end) {
    if (end - start < 9) throw damaged('no mean')
    return { count: readInt64(bytes, start), sum: floatSumState.read(bytes, start + 8, end) }
  },
}

const momentsState: StateSerde<Moments> = {
  name: 'stddev',
  write(moments, out) {
    out.i64(moments.count)
    writeFloatSum(moments.sum, out)
    writeFloatSum(moments.squares, out)
  },
  read(bytes, start, end) {
    if (end - start < 10) throw damaged('no deviation')
    const sum = readFloatSum(bytes, start + 8, end)
    const squares = floatSumState.read(bytes, start + 8 + floatSumSize(bytes, start + 8), end)
    return { count: readInt64(bytes, start), sum, squares }
  },
}
