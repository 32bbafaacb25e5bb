import type { TrailingStep } from '../../topology/compiled.ts'
import { EventStore } from './event-store.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'
import { StreamTime } from './stream-time.ts'
import { TrailingSpans } from './trailing-spans.ts'

/**
 * For each event the aggregates of its key's events in `[t - span, t]`, both inclusive; one result for each event, at
 * its
 * own time. One store of events serves all spans.
 *
 * ```
 *      0....5....10...15...20       span 5; a@8, b@10, c@12
 *              a . b . c
 *         ######                    [3,8]   = a
 *           ######                  [5,10]  = ab
 *             ######                [7,12]  = abc
 * ```
 */
export class Trailing implements Operator {
  readonly #step: TrailingStep
  readonly #store: EventStore
  readonly #spans: TrailingSpans
  readonly #time: StreamTime
  readonly #out: Operator
  readonly #longestMs: number
  readonly #nullKey: Counter
  readonly #nullValue: Counter
  readonly #late: Counter
  readonly #lateWindows: Counter

  constructor(step: TrailingStep, context: TaskContext, out: Operator) {
    this.#step = step
    const longestMs = Math.max(...Object.values(step.spans).map(span => span.spanMs))
    this.#longestMs = longestMs
    this.#spans = new TrailingSpans(step.spans)
    const retention = { spanMs: longestMs, retentionMs: longestMs + step.graceMs }
    this.#store = new EventStore(context.state, step.store, step.event, retention, row => this.#spans.forget(row))
    context.state.addCache(this.#spans)
    this.#out = out
    this.#nullKey = context.dropped(step.store, 'null-key')
    this.#nullValue = context.dropped(step.store, 'null-value')
    this.#late = context.dropped(step.store, 'late')
    this.#lateWindows = context.dropped(step.store, 'late-windows')
    const { slots } = this.#store
    this.#time = new StreamTime(slots, context.aligned, time => slots.moveTo(time))
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    const value: unknown = record.value
    if (value === null || value === undefined) {
      this.#nullValue.value++
      return
    }
    const { timestamp } = record
    const time = this.#time.observe(timestamp)
    const oldestResult = time - this.#step.graceMs
    const since = oldestResult - this.#longestMs
    if (timestamp < since) {
      this.#lateWindows.value++
      this.#late.value++
      return
    }
    record.encodeKey()
    const { keyBytes, keyStart, keyEnd } = record
    const event: unknown = this.#step.remember(value, record.key, record)
    const result: Record<string, unknown> = { event: value }
    const row = this.#store.row(keyBytes, keyStart, keyEnd, since)
    const index = this.#store.insert(row, keyBytes, keyStart, keyEnd, timestamp, event)
    this.#spans.at(this.#store.book, row, index, result)
    if (timestamp < oldestResult) {
      this.#lateWindows.value++
      return
    }
    record.value = result
    this.#out.process(record)
    record.value = value
  }
}
