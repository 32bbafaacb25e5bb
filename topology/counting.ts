import { readInt64 } from '../schemas/int64.ts'
import { integerState, exactly, type StateSerde } from './aggregate-state.ts'
import type { Reversible } from './aggregates.ts'
import { LimitError } from './errors.ts'

// Counts and integer sums: exact, so a value can leave again.

type Where<V> = (value: V) => boolean

/** How many values there are (of those for which `where` is true). */
export function count<V>(where?: Where<V>): Reversible<V, number, number> {
  return {
    kind: 'count',
    reversible: true,
    init: () => 0,
    add: where === undefined ? n => n + 1 : (n, value) => (where(value) ? n + 1 : n),
    merge: (left, right) => left + right,
    subtract: where === undefined ? n => n - 1 : (n, value) => (where(value) ? n - 1 : n),
    result: n => n,
    state: integerState,
  }
}

/**
 * The sum of integers, such as money in minor units. Throws a `LimitError` when a value is no safe integer or the sum
 * leaves them (2^53 - 1): it is exact or it is refused. Beyond them see `bigintSum`, for fractions `floatSum`.
 */
export function sum<V>(of: (value: V) => number, where?: Where<V>): Reversible<V, number, number> {
  return {
    kind: 'sum',
    reversible: true,
    init: () => 0,
    add:
      where === undefined
        ? (total, value) => exact(total + exact(of(value)))
        : (total, value) => (where(value) ? exact(total + exact(of(value))) : total),
    merge: (left, right) => exact(left + right),
    subtract:
      where === undefined
        ? (total, value) => exact(total - exact(of(value)))
        : (total, value) => (where(value) ? exact(total - exact(of(value))) : total),
    result: total => total,
    state: integerState,
  }
}

/**
 * The sum of integers of any size up to 128 bits, exactly. Throws a `LimitError` when it leaves them. (Slower than
 * `sum`, which is enough for 90 trillion in cents.)
 */
export function bigintSum<V>(of: (value: V) => bigint, where?: Where<V>): Reversible<V, bigint, bigint> {
  return {
    kind: 'bigintSum',
    reversible: true,
    init: () => 0n,
    add: (total, value) => (where === undefined || where(value) ? within128(total + of(value)) : total),
    merge: (left, right) => within128(left + right),
    subtract: (total, value) => (where === undefined || where(value) ? within128(total - of(value)) : total),
    result: total => total,
    state: bigintState,
  }
}

export interface Share {
  hits: number
  all: number
}

/** The share of values (of those for which `where` is true) for which `when` is true; undefined of none. */
export function ratio<V>(when: Where<V>, where?: Where<V>): Reversible<V, Share, number | undefined> {
  const change = (share: Share, value: V, by: 1 | -1): Share => {
    if (where !== undefined && !where(value)) return share
    share.all += by
    if (when(value)) share.hits += by
    return share
  }
  return {
    kind: 'ratio',
    reversible: true,
    init: () => ({ hits: 0, all: 0 }),
    add: (share, value) => change(share, value, 1),
    merge: (left, right) => {
      left.hits += right.hits
      left.all += right.all
      return left
    },
    subtract: (share, value) => change(share, value, -1),
    result: ({ hits, all }) => (all === 0 ? undefined : hits / all),
    state: shareState,
  }
}

/** `total`, if it is exact. */
export function exact(total: number): number {
  if (Number.isSafeInteger(total)) return total
  throw new LimitError(
    Number.isInteger(total)
      ? `A sum reached ${total}, beyond the integers that a number holds exactly (2^53 - 1). Sum a larger unit, ` +
          `or use bigintSum().`
      : `A sum of integers became ${total}. Sum whole units (cents, milliseconds), or use floatSum() for fractions.`,
  )
}

function within128(total: bigint): bigint {
  if (BigInt.asIntN(128, total) === total) return total
  throw new LimitError(`A sum of integers reached ${total}, beyond 128 bits. Sum a larger unit.`)
}

const bigintState: StateSerde<bigint> = {
  name: 'bigintSum',
  sizeBytes: 16,
  write(total, out) {
    out.reserve(16)
    out.length = out.bytes.writeBigInt64BE(total >> 64n, out.length)
    out.length = out.bytes.writeBigUInt64BE(BigInt.asUintN(64, total), out.length)
  },
  read(bytes, start, end) {
    exactly(16, start, end)
    return (bytes.readBigInt64BE(start) << 64n) | bytes.readBigUInt64BE(start + 8)
  },
}

const shareState: StateSerde<Share> = {
  name: 'ratio',
  sizeBytes: 16,
  write(share, out) {
    out.i64(share.hits)
    out.i64(share.all)
  },
  read(bytes, start, end) {
    exactly(16, start, end)
    return { hits: readInt64(bytes, start), all: readInt64(bytes, start + 8) }
  },
}
