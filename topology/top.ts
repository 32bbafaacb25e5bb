import { text } from '../schemas/serdes.ts'
import { compareUtf8 } from '../schemas/text.ts'
import { damaged, StateReader, type StateSerde, writeSized } from './aggregate-state.ts'
import type { Reversible } from './aggregates.ts'
import { exact } from './counting.ts'
import { Heap } from './heap.ts'
import { checkLimit, membersMax, tooMany } from './limits.ts'

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

/**
 * The `n` members with the largest sums, exactly: every member is kept. Equal sums are in the order of the members'
 * UTF-8 bytes.
 */
export function top<V>(
  n: number,
  { by, value: of = () => 1, count = () => 1, where, limit = membersMax }: TopOptions<V>,
): Reversible<V, Tallies, readonly TopRow[]> {
  checkLimit(n, 'rows of a top')
  checkLimit(limit, 'members of a top')
  return {
    kind: 'top',
    reversible: true,
    init: () => new Tallies(),
    add(tallies, value) {
      if (where === undefined || where(value))
        tallies.change(by(value), exact(of(value)), exact(count(value)), 1, limit)
      return tallies
    },
    merge(left, right) {
      for (const { member, value, count, added } of right.all()) left.change(member, value, count, added, limit)
      return left
    },
    subtract(tallies, value) {
      if (where === undefined || where(value)) tallies.change(by(value), -of(value), -count(value), -1, limit)
      return tallies
    },
    result: tallies =>
      tallies.first(n).map(({ member, value, count }, index) => ({ rank: index + 1, member, value, count })),
    state: talliesState,
    sizeBytes: tallies => 64 + tallies.size * 160,
  }
}

interface Tally {
  readonly member: string
  value: number
  count: number
  /** How many values were added: at none, the member leaves. */
  added: number
  at: number
}

const ahead = (one: Tally, other: Tally): boolean =>
  one.value === other.value ? compareUtf8(one.member, other.member) < 0 : one.value > other.value

/** The sums of all members. They are ordered from when that is first asked for. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>()
  #heap: Heap<Tally> | null = null

  get size(): number {
    return this.#tallies.size
  }

  all(): Iterable<Tally> {
    return this.#tallies.values()
  }

  change(member: string, value: number, count: number, added: number, limit: number): void {
    const tally = this.#tallies.get(member)
    if (tally === undefined) {
      if (this.#tallies.size >= limit) throw tooMany(limit)
      const first = { member, value, count, added, at: 0 }
      this.#tallies.set(member, first)
      this.#heap?.add(first)
      return
    }
    tally.value = exact(tally.value + value)
    tally.count = exact(tally.count + count)
    tally.added += added
    if (tally.added !== 0) this.#heap?.moved(tally)
    else {
      this.#tallies.delete(member)
      this.#heap?.remove(tally)
    }
  }

  first(n: number): readonly Tally[] {
    this.#heap ??= new Heap(ahead, [...this.#tallies.values()])
    return this.#heap.first(n)
  }
}

/** For each member its text with the length in front, then value, count and number of values in 8 bytes each. */
const talliesState: StateSerde<Tallies> = {
  name: 'top',
  write(tallies, out) {
    for (const { member, value, count, added } of tallies.all()) {
      writeSized(text, member, out)
      out.i64(value)
      out.i64(count)
      out.i64(added)
    }
  },
  read(bytes, start, end) {
    const reader = new StateReader(bytes, start, end)
    const tallies = new Tallies()
    for (let members = 1; !reader.done; members++) {
      const member = reader.sized(text)
      tallies.change(member, reader.integer(), reader.integer(), reader.integer(), Infinity)
      if (tallies.size !== members) throw damaged('a member twice')
    }
    return tallies
  },
}
