import { ByteWriter } from '../schemas/bytes.ts'
import type { Serde } from '../schemas/serde.ts'
import { text } from '../schemas/serdes.ts'
import { StateReader } from './aggregate-state.ts'
import type { Aggregate } from './aggregates.ts'
import { exact } from './counting.ts'
import { LimitError, TopologyError } from './errors.ts'
import { murmur3 } from './hash.ts'
import { HyperLogLog } from './hyperloglog.ts'
import { checkLimit } from './limits.ts'
import { distinctCount, type Member } from './members.ts'
import { SpaceSaving } from './space-saving.ts'
import { type Tallies, top } from './top.ts'

// Members without keeping all of them: a state of a fixed size, and an error with a bound. Trailing spans, which hold
// every event anyway, fold the exact aggregates in their place.

/** One seed for all: sketches that were made anywhere can be merged. */
const seed = 0x6d696c6c
const scratch = new ByteWriter(256)
const hash = new Int32Array(4)

export interface ApproximateDistinctOptions<V> {
  readonly where?: (value: V) => boolean
  /**
   * From 4 to 18: the standard error is 1.04 / sqrt(2^precision), the state has up to 2^precision * 3/4 bytes. Default
   * 12: 1.6 %, 3 KiB.
   */
  readonly precision?: number
}

/**
 * How many different members there are, by HyperLogLog: two estimates of three are within 1.04 / sqrt(2^precision) of
 * the truth, 99.7 % within three times that. In trailing spans the number is exact.
 *
 * Members are told apart by the bytes that `serde` writes. The hash is the same everywhere, so whoever chooses the
 * members can choose them to deceive the estimate: do not bill or block by it.
 */
export function approximateDistinctCount<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  { where, precision = 12 }: ApproximateDistinctOptions<V> = {},
): Aggregate<V, HyperLogLog, number> {
  if (!Number.isInteger(precision) || precision < 4 || precision > 18)
    throw new TopologyError(`The precision of an approximate count is ${precision}. Give a whole number from 4 to 18.`)
  return {
    kind: 'approximateDistinctCount',
    init: () => new HyperLogLog(precision),
    add(sketch, value) {
      if (where !== undefined && !where(value)) return sketch
      scratch.reset()
      serde.write(of(value), scratch)
      murmur3(scratch.bytes, 0, scratch.length, seed, hash)
      sketch.add(hash[0]!, hash[1]!)
      return sketch
    },
    merge(left, right) {
      left.merge(right)
      return left
    },
    result: sketch => sketch.estimate(),
    state: {
      name: `hyperloglog(${precision})`,
      write: (sketch, out) => sketch.write(out),
      read: (bytes, start, end) => HyperLogLog.read(new StateReader(bytes, start, end), precision),
    },
    sizeBytes: sketch => sketch.sizeBytes,
    exact: distinctCount(of, serde, { ...(where !== undefined && { where }), limit: Number.MAX_SAFE_INTEGER }),
  }
}

export interface ApproximateTopOptions<V> {
  /** Whom the value counts for. */
  readonly by: (value: V) => string
  /** What it adds: an integer of at least 0. Default 1, so that the top is by number. */
  readonly value?: (value: V) => number
  readonly where?: (value: V) => boolean
  /** How many members are kept; sums are too high by at most the sum of all values divided by this. Default 1,000. */
  readonly capacity?: number
}

export interface ApproximateTopRow {
  /** From 1. */
  readonly rank: number
  readonly member: string
  /** Never too low. */
  readonly value: number
  /** How much too high `value` may be. */
  readonly error: number
  /** Whether the member is among the first `n` for certain: without its error it is not below any that is not shown. */
  readonly guaranteed: boolean
}

/**
 * The `n` members with the largest sums, by Space-Saving: of all values together, N, a member's sum is too high by at
 * most N / capacity, and no member with a larger sum than that is missing from what is kept. In trailing spans the
 * sums are exact.
 */
export function approximateTop<V>(
  n: number,
  { by, value: of = () => 1, where, capacity = 1000 }: ApproximateTopOptions<V>,
): Aggregate<V, SpaceSaving, readonly ApproximateTopRow[]> {
  checkLimit(n, 'rows of a top')
  checkLimit(capacity, 'members that an approximate top keeps')
  if (capacity < n)
    throw new TopologyError(
      `A top of ${n} keeps ${capacity} members. Keep at least as many; ten times as many is usual.`,
    )
  return {
    kind: 'approximateTop',
    init: () => new SpaceSaving(capacity),
    add(sketch, value) {
      if (where === undefined || where(value)) sketch.add(by(value), weight(of(value)))
      return sketch
    },
    merge(left, right) {
      left.merge(right)
      return left
    },
    result: sketch => sketch.first(n),
    state: {
      name: `spaceSaving(${capacity})`,
      write: (sketch, out) => sketch.write(out),
      read: (bytes, start, end) => SpaceSaving.read(new StateReader(bytes, start, end), capacity, text),
    },
    sizeBytes: sketch => sketch.sizeBytes,
    exact: exactTop(n, by, value => weight(of(value)), where),
  }
}

function exactTop<V>(
  n: number,
  by: (value: V) => string,
  value: (value: V) => number,
  where?: (value: V) => boolean,
): Aggregate<V, Tallies, readonly ApproximateTopRow[]> {
  const limit = Number.MAX_SAFE_INTEGER
  const tallied = top<V>(n, { by, value, ...(where !== undefined && { where }), limit })
  return {
    ...tallied,
    result: tallies =>
      tallied.result(tallies).map(({ rank, member, value }) => ({ rank, member, value, error: 0, guaranteed: true })),
  }
}

function weight(value: number): number {
  if (exact(value) >= 0) return value
  throw new LimitError(
    `An approximate top was given ${value}: its sums can only grow. Leave such values out with 'where', or use top().`,
  )
}
