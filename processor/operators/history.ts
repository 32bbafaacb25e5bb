import type { Over } from '../../topology/aggregates.ts'
import type { Chunk } from './chunk.ts'
import { lowerBound, RunningSpan, upperBound } from './span.ts'

/**
 * The remembered events of one key in the order of (time, arrival), with the running aggregates of every span. Only the
 * events are state; the aggregates are folded again after a load or a late event.
 */
export class KeyHistory {
  readonly times: number[] = []
  readonly events: unknown[] = []
  /** Buckets of time that have a chunk in the store, ascending. */
  readonly buckets: number[]
  /** Buckets whose chunk has to be written. */
  readonly dirty: number[] = []
  headerDirty = false
  used = true
  /** The chunk of the newest bucket, kept so that it need be neither read nor encoded again; null: not known. */
  newest: Chunk | null = null
  readonly #spans: readonly RunningSpan[]

  constructor(spans: readonly Over<any, any, any>[], buckets: readonly number[]) {
    this.#spans = spans.map(span => new RunningSpan(span))
    this.buckets = [...buckets]
  }

  /** Takes back an event from the store, in the order of arrival; `sort` follows. */
  load(time: number, event: unknown): void {
    this.times.push(time)
    this.events.push(event)
  }

  /** Puts loaded events in the order of (time, arrival). */
  sort(): void {
    const { times, events } = this
    if (times.every((time, i) => i === 0 || times[i - 1]! <= time)) return
    const order = times.map((time, index) => ({ time, event: events[index] }))
    // Stable: equal times stay in the order of arrival.
    order.sort((a, b) => a.time - b.time)
    for (const [i, { time, event }] of order.entries()) {
      times[i] = time
      events[i] = event
    }
  }

  /** -1 without any. */
  get newestBucket(): number {
    return this.buckets[this.buckets.length - 1] ?? -1
  }

  /** Adds an event and writes the result of each span at it to `results`, under the names in order. */
  add(time: number, event: unknown, names: readonly string[], results: Record<string, unknown>): void {
    const { times, events } = this
    const count = times.length
    if (count > 0 && times[count - 1]! > time) {
      this.#addLate(time, event, names, results)
      return
    }
    times.push(time)
    events.push(event)
    const spans = this.#spans
    for (let i = 0; i < spans.length; i++) results[names[i]!] = spans[i]!.append(times, events)
  }

  /**
   * ```
   *   t=8s   t=9.2s        t=12.4s, arrives last: [3 ... 8]
   *  [3 ... 8]                        holds it; results that were given for 9.2 and 12.4 stay as they are
   * ```
   * Its own result is folded in full; the running aggregates begin anew with the next event.
   */
  #addLate(time: number, event: unknown, names: readonly string[], results: Record<string, unknown>): void {
    const at = upperBound(this.times, time)
    this.times.splice(at, 0, time)
    this.events.splice(at, 0, event)
    for (const [i, span] of this.#spans.entries()) results[names[i]!] = span.foldAt(this.times, this.events, at)
    for (const span of this.#spans) span.forget()
  }

  /** Forgets events before `time`, which no window reaches any more; says how many. */
  trim(time: number): number {
    // Half of the list or nothing: moving the rest costs as much as it frees.
    const gone = lowerBound(this.times, time)
    if (gone === 0 || gone * 2 < this.times.length) return 0
    this.times.splice(0, gone)
    this.events.splice(0, gone)
    for (const span of this.#spans) span.shift(gone)
    return gone
  }

  /** The bucket got an event; true when it is its first one. */
  markDirty(bucket: number): boolean {
    if (!this.dirty.includes(bucket)) this.dirty.push(bucket)
    if (this.buckets.includes(bucket)) return false
    // What was the newest chunk is written as it is now, before another takes its place.
    if (bucket > this.newestBucket) this.newest = null
    this.buckets.push(bucket)
    this.buckets.sort((a, b) => a - b)
    this.headerDirty = true
    return true
  }

  forgetBucket(bucket: number): void {
    if (bucket === this.newestBucket) this.newest = null
    const at = this.buckets.indexOf(bucket)
    if (at >= 0) this.buckets.splice(at, 1)
  }
}
