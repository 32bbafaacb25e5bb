import type { Serde } from '../schemas/serde.ts'
import { compareUtf8 } from '../schemas/text.ts'
import { text } from '../schemas/serdes.ts'
import { integerState, StateReader, type StateSerde, writeSized } from './aggregate-state.ts'
import type { Aggregate } from './aggregates.ts'
import { exact } from './counting.ts'
import { LimitError, TopologyError } from './errors.ts'
import { membersMax } from './picking.ts'

// Aggregates that keep one entry for each member: exact, up to a declared number of members. Beyond it they throw.

/** What may be a member: values that are the same when they look the same. */
export type Member = string | number | bigint | boolean

export interface DistinctOptions<V> {
  readonly where?: (value: V) => boolean
  /** More members than this are a `LimitError`. Default 100,000. */
  readonly limit?: number
}

/** How often each member was seen. */
export type Seen<T> = Map<T, number>

/**
 * The different members, exactly, in the order in which they came. The result is a copy: where only their number
 * matters use `distinctCount`.
 */
export function distinct<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  options: DistinctOptions<V> = {},
): Aggregate<V, Seen<T>, ReadonlySet<T>> {
  return { kind: 'distinct', ...seeing(of, serde, options), result: seen => new Set(seen.keys()) }
}

/** How many different members there are, exactly. */
export function distinctCount<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  options: DistinctOptions<V> = {},
): Aggregate<V, Seen<T>, number> {
  return { kind: 'distinctCount', ...seeing(of, serde, options), result: seen => seen.size }
}

function seeing<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  { where, limit = membersMax }: DistinctOptions<V>,
): Omit<Aggregate<V, Seen<T>, never>, 'kind' | 'result'> {
  checkLimit(limit, 'distinct members')
  const see = (seen: Seen<T>, member: T, times: number): void => {
    const before = seen.get(member)
    if (before === undefined) {
      if (seen.size >= limit) throw tooMany(limit)
      seen.set(member, times)
    } else seen.set(member, before + times)
  }
  return {
    init: () => new Map(),
    add(seen, value) {
      if (where === undefined || where(value)) see(seen, of(value), 1)
      return seen
    },
    merge(left, right) {
      for (const [member, times] of right) see(left, member, times)
      return left
    },
    subtract(seen, value) {
      if (where !== undefined && !where(value)) return seen
      const member = of(value)
      const left = (seen.get(member) ?? 0) - 1
      if (left > 0) seen.set(member, left)
      else seen.delete(member)
      return seen
    },
    state: mapState(`distinct(${serde.name})`, serde, integerState),
  }
}

export interface TopOptions<V> {
  /** Whom the value counts for. */
  readonly by: (value: V) => string
  /** What it adds: an integer. Default 1, so that the top is by number. */
  readonly value?: (value: V) => number
  /** How many it counts as. Default 1. */
  readonly count?: (value: V) => number
  readonly where?: (value: V) => boolean
  /** More members than this are a `LimitError`. Default 100,000. */
  readonly limit?: number
}

export interface TopRow {
  /** From 1. */
  readonly rank: number
  readonly member: string
  readonly value: number
  readonly count: number
}

export interface Tally {
  value: number
  count: number
  /** How many values were added: at none, the member leaves. */
  added: number
}

/**
 * The `n` members with the largest sums, exactly: every member is kept. Equal sums are in the order of the members'
 * UTF-8 bytes.
 */
export function top<V>(
  n: number,
  { by, value: of = () => 1, count = () => 1, where, limit = membersMax }: TopOptions<V>,
): Aggregate<V, Map<string, Tally>, readonly TopRow[]> {
  checkLimit(n, 'rows of a top')
  checkLimit(limit, 'members of a top')
  const apply = (tallies: Map<string, Tally>, member: string, change: Tally): void => {
    let tally = tallies.get(member)
    if (tally === undefined) {
      if (tallies.size >= limit) throw tooMany(limit)
      tally = { value: 0, count: 0, added: 0 }
      tallies.set(member, tally)
    }
    tally.value = exact(tally.value + change.value)
    tally.count = exact(tally.count + change.count)
    tally.added += change.added
    if (tally.added === 0) tallies.delete(member)
  }
  return {
    kind: 'top',
    init: () => new Map(),
    add(tallies, value) {
      if (where === undefined || where(value))
        apply(tallies, by(value), { value: of(value), count: count(value), added: 1 })
      return tallies
    },
    merge(left, right) {
      for (const [member, tally] of right) apply(left, member, tally)
      return left
    },
    subtract(tallies, value) {
      if (where === undefined || where(value))
        apply(tallies, by(value), { value: -of(value), count: -count(value), added: -1 })
      return tallies
    },
    result: tallies => rank(tallies, n),
    state: mapState('top', text, tallyState),
  }
}

/** One pass with a short sorted list: n is small, the members are many. */
function rank(tallies: ReadonlyMap<string, Tally>, n: number): readonly TopRow[] {
  const best: [string, Tally][] = []
  for (const entry of tallies) {
    if (best.length === n && !ahead(entry, best[n - 1]!)) continue
    let at = best.length
    while (at > 0 && ahead(entry, best[at - 1]!)) at--
    best.splice(at, 0, entry)
    if (best.length > n) best.pop()
  }
  return best.map(([member, { value, count }], index) => ({ rank: index + 1, member, value, count }))
}

const ahead = ([member, tally]: [string, Tally], [otherMember, other]: [string, Tally]): boolean =>
  tally.value === other.value ? compareUtf8(member, otherMember) < 0 : tally.value > other.value

const tooMany = (limit: number): LimitError =>
  new LimitError(
    `An aggregate has more than ${limit} different members, its limit. Raise 'limit' if the memory is there, or ` +
      'group more finely.',
  )

function checkLimit(limit: number, what: string): void {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new TopologyError(`The number of ${what} is ${limit}. Give a whole number of at least 1.`)
}

const tallyState: StateSerde<Tally> = {
  name: 'tally',
  sizeBytes: 24,
  write(tally, out) {
    out.i64(tally.value)
    out.i64(tally.count)
    out.i64(tally.added)
  },
  read(bytes, start, end) {
    const reader = new StateReader(bytes, start, end)
    return { value: reader.integer(), count: reader.integer(), added: reader.integer() }
  },
}

/**
 * Entries one after another: the key with its length in front, then the value in its fixed size. In the map's own
 * order.
 */
function mapState<K, T>(name: string, key: Serde<K>, value: StateSerde<T>): StateSerde<Map<K, T>> {
  const size = value.sizeBytes!
  return {
    name,
    write(map, out) {
      for (const [k, v] of map) {
        writeSized(key, k, out)
        value.write(v, out)
      }
    },
    read(bytes, start, end) {
      const reader = new StateReader(bytes, start, end)
      const map = new Map<K, T>()
      while (!reader.done) {
        const k = reader.sized(key)
        const at = reader.take(size)
        map.set(k, value.read(bytes, at, at + size))
      }
      return map
    },
  }
}
