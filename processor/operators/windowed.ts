import type { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { WindowedStep } from '../../topology/compiled.ts'
import type { WindowPartial } from '../../topology/record.ts'
import { SlotStore } from '../state/slots.ts'
import { Fold, type Folded } from './fold.ts'
import type { Counter, Operator, TaskContext, TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { showKey, timedFailure } from './timed-failure.ts'
import { StreamTime } from './stream-time.ts'

/**
 * Tumbling and hopping windows, one row for each (key, window start).
 *
 * ```
 *   size 10, advance 4          0....5....10...15...20
 *   a record at 9 is in         ##########                 [0,10)
 *                                   ##########             [4,14)
 *                                       ##########         [8,18)
 * ```
 *
 * A window takes records while `end > stream time - grace`. With `changes` every record forwards the new result of each
 * window that it is in, by ascending start; with `final` each window forwards one result when it closes, in the order
 * of
 * (end, start, key bytes), before the record that closed it is applied.
 */
export class WindowedAggregate implements TimedOperator {
  readonly #step: WindowedStep
  readonly #fold: Fold
  readonly #slots: SlotStore<Folded>
  readonly #time: StreamTime
  readonly #context: TaskContext
  readonly #out: Operator
  readonly #final: boolean
  readonly #late: Counter
  readonly #lateWindows: Counter
  readonly #nullKey: Counter
  readonly #closing = new FlowRecord()

  constructor(step: WindowedStep, context: TaskContext, out: Operator) {
    this.#step = step
    this.#fold = new Fold(step.spec)
    this.#slots = new SlotStore(context.state, step.store, this.#fold)
    this.#context = context
    this.#out = out
    this.#final = step.emit === 'final'
    this.#late = context.dropped(step.store, 'late')
    this.#lateWindows = context.dropped(step.store, 'late-windows')
    this.#nullKey = context.dropped(step.store, 'null-key')
    this.#time = new StreamTime(this.#slots, context.aligned, time => this.#advance(time))
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    record.encodeKey()
    const time = this.#time.observe(record.timestamp)
    if (this.#step.merges) this.#merge(record, record.value as WindowPartial, time)
    else this.#add(record, time)
  }

  #add(record: FlowRecord, time: number): void {
    const { sizeMs, advanceMs, graceMs } = this.#step.window
    const { timestamp } = record
    const value: unknown = record.value
    let start = Math.floor(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
    let entered = false
    for (; start <= timestamp; start += advanceMs) {
      if (start + sizeMs <= time - graceMs) {
        this.#lateWindows.value++
        continue
      }
      entered = true
      const folded = this.#open(record.keyBytes, record.keyStart, record.keyEnd, start)
      this.#fold.add(folded, value, timestamp)
      if (this.#fold.isEmpty(folded)) this.#delete(record, start)
      if (!this.#final) this.#forward(record, folded, start)
    }
    if (!entered) this.#late.value++
  }

  /** A partial aggregate of one window, made before the repartition topic. */
  #merge(record: FlowRecord, partial: WindowPartial, time: number): void {
    const { sizeMs, graceMs } = this.#step.window
    if (partial.startMs + sizeMs <= time - graceMs) {
      this.#lateWindows.value++
      this.#late.value++
      return
    }
    const folded = this.#open(record.keyBytes, record.keyStart, record.keyEnd, partial.startMs)
    this.#fold.merge(folded, partial.states, record.timestamp)
    if (this.#fold.isEmpty(folded)) this.#delete(record, partial.startMs)
    if (!this.#final) this.#forward(record, folded, partial.startMs)
  }

  /** The row of the window, opened if need be, and marked as changed. */
  #open(key: Buffer, keyStart: number, keyEnd: number, start: number): Folded {
    const { entries } = this.#slots
    const row = this.#slots.row(key, keyStart, keyEnd, start)
    let folded = entries.get(row)
    if (folded === undefined) {
      folded = this.#fold.start()
      this.#slots.register(key, keyStart, keyEnd, start)
    }
    entries.set(row, folded)
    return folded
  }

  /** Nothing is left of the window. */
  #delete({ keyBytes, keyStart, keyEnd }: FlowRecord, start: number): void {
    this.#slots.entries.set(this.#slots.row(keyBytes, keyStart, keyEnd, start), undefined)
  }

  #forward(record: FlowRecord, folded: Folded, startMs: number): void {
    const { timestamp } = record
    const value: unknown = record.value
    const result: Record<string, unknown> = this.#fold.isEmpty(folded) ? { deleted: true } : this.#fold.result(folded)
    result['startMs'] = startMs
    result['endMs'] = startMs + this.#step.window.sizeMs
    record.value = result
    record.timestamp = folded.timestamp
    this.#out.process(record)
    record.value = value
    record.timestamp = timestamp
  }

  onTime(): void {
    this.#time.onTime()
  }

  onEnd(): void {
    this.#time.onEnd()
  }

  #advance(time: number): void {
    this.#slots.moveTo(time)
    const { sizeMs, graceMs } = this.#step.window
    for (;;) {
      const oldest = this.#slots.slots[0]
      if (oldest === undefined || oldest.slot + sizeMs > time - graceMs) return
      this.#close(oldest.slot)
    }
  }

  /** Gives up the window's rows, and forwards them if nobody saw their last result yet. */
  #close(start: number): void {
    const { entries } = this.#slots
    for (const key of this.#slots.keys(start)) {
      const row = this.#slots.row(key, 0, key.length, start)
      const folded = entries.get(row)
      if (folded === undefined) continue
      entries.set(row, undefined)
      if (this.#final) this.#forwardClosed(key, folded, start)
    }
    this.#slots.forget(start)
  }

  #forwardClosed(key: Buffer, folded: Folded, start: number): void {
    const record = this.#closing
    record.setNoOrigin(this.#context.partition)
    const serde = this.#step.key as Serde<unknown>
    record.setKeyBytes(key, 0, key.length, serde)
    record.timestamp = folded.timestamp
    try {
      this.#forward(record, folded, start)
    } catch (error) {
      const { store, window } = this.#step
      const which = `window [${start}, ${start + window.sizeMs}) of '${store}'`
      throw timedFailure(error, `${which} closed for the key ${showKey(key, serde)}`)
    }
  }
}
