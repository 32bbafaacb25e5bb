import type { ByteWriter } from '../schemas/bytes.ts'
import type { Serde } from '../schemas/serde.ts'
import { text } from '../schemas/serdes.ts'
import { compareUtf8 } from '../schemas/text.ts'
import { damaged, type StateReader, writeSized } from './aggregate-state.ts'
import { exact } from './counting.ts'
import { Heap } from './heap.ts'

const version = 1

interface Counter {
  member: string
  /** Never below the member's sum. */
  value: number
  /** How much of the value may have come from members that had this counter before. */
  error: number
  at: number
}

const lower = (one: Counter, other: Counter): boolean => one.value < other.value

const ahead = (one: Counter, other: Counter): number =>
  other.value - one.value || one.error - other.error || compareUtf8(one.member, other.member)

/**
 * The members with the largest sums, in `capacity` counters: a new member takes over the counter with the lowest value,
 * value and all. So every value is too high by at most the sum of everything divided by `capacity`, and a member whose
 * sum is larger than that has a counter.
 *
 * Metwally, Agrawal and El Abbadi (2005), "Efficient computation of frequent and top-k elements in data streams"; a
 * member that only one of two merged sketches has may have had up to the other's lowest value there: Cafaro, Pulimeno
 * and Tempesta (2016), "A parallel space saving algorithm for frequent items and the Hurwitz zeta distribution". The
 * bound holds for what was merged as well, though not the same estimates as without.
 */
export class SpaceSaving {
  readonly capacity: number
  readonly #counters = new Map<string, Counter>()
  /** The lowest value first. */
  #heap = new Heap(lower)

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get sizeBytes(): number {
    return 200 + this.#counters.size * 160
  }

  /** What a member without a counter may have at most. */
  get unseen(): number {
    return this.#counters.size < this.capacity ? 0 : this.#heap.items[0]!.value
  }

  add(member: string, value: number): void {
    if (value === 0) return
    const counter = this.#counters.get(member)
    if (counter !== undefined) {
      counter.value = exact(counter.value + value)
      this.#heap.moved(counter)
    } else if (this.#counters.size < this.capacity) this.#insert(member, value, 0)
    else {
      const lowest = this.#heap.items[0]!
      this.#counters.delete(lowest.member)
      this.#counters.set(member, lowest)
      lowest.member = member
      lowest.error = lowest.value
      lowest.value = exact(lowest.value + value)
      this.#heap.moved(lowest)
    }
  }

  merge(other: SpaceSaving): void {
    const [mine, theirs] = [this.unseen, other.unseen]
    const merged: Counter[] = []
    for (const { member, value, error } of this.#counters.values()) {
      const found = other.#counters.get(member)
      const more = found?.value ?? theirs
      merged.push({ member, value: exact(value + more), error: error + (found?.error ?? theirs), at: 0 })
    }
    for (const { member, value, error } of other.#counters.values()) {
      if (!this.#counters.has(member)) merged.push({ member, value: exact(value + mine), error: error + mine, at: 0 })
    }
    merged.sort(ahead)
    merged.length = Math.min(merged.length, this.capacity)
    this.#counters.clear()
    for (const counter of merged) this.#counters.set(counter.member, counter)
    this.#heap = new Heap(lower, merged)
  }

  /** The first `n` in order, with what is sure of them. */
  first(n: number): { rank: number; member: string; value: number; error: number; guaranteed: boolean }[] {
    // One more, to know what stands behind them; one pass with a short list, for there are many counters.
    const best: Counter[] = []
    for (const counter of this.#heap.items) {
      let at = best.length
      while (at > 0 && ahead(counter, best[at - 1]!) < 0) at--
      if (at > n) continue
      best.splice(at, 0, counter)
      if (best.length > n + 1) best.pop()
    }
    const next = best[n]?.value ?? this.unseen
    return best.slice(0, n).map(({ member, value, error }, index) => {
      return { rank: index + 1, member, value, error, guaranteed: value - error >= next }
    })
  }

  #insert(member: string, value: number, error: number): void {
    const counter = { member, value, error, at: 0 }
    this.#counters.set(member, counter)
    this.#heap.add(counter)
  }

  /**
   * The version in a byte, the capacity, the number of counters; then these in the order of the heap: the member's text
   * with its length in front, value, error.
   */
  write(out: ByteWriter): void {
    out.u8(version)
    out.uvarint(this.capacity)
    out.uvarint(this.#counters.size)
    for (const { member, value, error } of this.#heap.items) {
      writeSized(text, member, out)
      out.uvarint(value)
      out.uvarint(error)
    }
  }

  static read(reader: StateReader, capacity: number, member: Serde<string>): SpaceSaving {
    const found = reader.byte()
    if (found !== version) throw damaged(`a sketch of the version ${found}, not ${version}`)
    const before = reader.uvarint()
    if (before !== capacity) throw damaged(`a sketch of the capacity ${before}, not ${capacity}`)
    const read = new SpaceSaving(capacity)
    const counters = reader.uvarint()
    if (counters > capacity) throw damaged(`${counters} counters of ${capacity}`)
    for (let i = 0; i < counters; i++) {
      const name = reader.sized(member)
      const [value, error] = [reader.uvarint(), reader.uvarint()]
      if (error > value || read.#counters.has(name)) throw damaged('a counter that there cannot be')
      read.#insert(name, value, error)
    }
    reader.end()
    return read
  }
}
