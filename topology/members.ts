import type { Serde } from '../schemas/serde.ts'
import { damaged, StateReader, type StateSerde, writeSized } from './aggregate-state.ts'
import type { Reversible } from './aggregates.ts'
import { checkLimit, membersMax, tooMany } from './limits.ts'

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
 * The different members, exactly, each at the place where it came last. The result is a copy: where only their number
 * matters use `distinctCount`.
 */
export function distinct<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  options: DistinctOptions<V> = {},
): Reversible<V, Seen<T>, ReadonlySet<T>> {
  return { kind: 'distinct', ...seeing(of, serde, options), result: seen => new Set(seen.keys()) }
}

/** How many different members there are, exactly. */
export function distinctCount<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  options: DistinctOptions<V> = {},
): Reversible<V, Seen<T>, number> {
  return { kind: 'distinctCount', ...seeing(of, serde, options), result: seen => seen.size }
}

function seeing<V, T extends Member>(
  of: (value: V) => T,
  serde: Serde<T>,
  { where, limit = membersMax }: DistinctOptions<V>,
): Omit<Reversible<V, Seen<T>, never>, 'kind' | 'result'> {
  checkLimit(limit, 'distinct members')
  const see = (seen: Seen<T>, member: T, times: number): void => {
    const before = seen.get(member)
    if (before === undefined) {
      if (seen.size >= limit) throw tooMany(limit)
    } else {
      // To the end: in the order of last occurrences nothing moves when the oldest one leaves.
      seen.delete(member)
    }
    seen.set(member, (before ?? 0) + times)
  }
  return {
    reversible: true,
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
    state: seenState(serde),
    sizeBytes: seen => 64 + seen.size * 80,
  }
}

/** For each member its bytes with the length in front, then how often it was seen in 8 bytes; in the map's order. */
function seenState<T>(serde: Serde<T>): StateSerde<Seen<T>> {
  return {
    name: `distinct(${serde.name})`,
    write(seen, out) {
      for (const [member, times] of seen) {
        writeSized(serde, member, out)
        out.i64(times)
      }
    },
    read(bytes, start, end) {
      const reader = new StateReader(bytes, start, end)
      const seen: Seen<T> = new Map()
      while (!reader.done) {
        const member = reader.sized(serde)
        if (seen.has(member)) throw damaged('a member twice')
        seen.set(member, reader.integer())
      }
      return seen
    },
  }
}
