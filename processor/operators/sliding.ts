import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { SlidingStep } from '../../topology/compiled.ts'
import { SlotStore } from '../state/slots.ts'
import { Fold, type Folded } from './fold.ts'
import type { Counter, Operator, TaskContext, TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { type Due, DueSessions, type Session, sessionsCodec } from './session-list.ts'
import { KeyWindows } from './sliding-windows.ts'
import { StreamTime } from './stream-time.ts'

/** All windows of a key are one entry. */
const entrySlot = 0
const none: readonly Session[] = []

/**
 * Sliding windows as Kafka Streams has them (KIP-450): `[s, s + diff]`, both ends inclusive, wherever the content
 * changes: one ends at each event, and one begins 1 ms after an event if it is not empty.
 *
 * ```
 *      0....5....10...15...20       diff 5; a@8, b@10, c@12
 *              a . b . c
 *         ######                    [3,8]   = a
 *           ######                  [5,10]  = ab
 *             ######                [7,12]  = abc
 *               ######              [9,14]  = bc
 *                 ######            [11,16] = c
 * ```
 *
 * Every window that holds an event is written for it: with n events in `diff` that is O(n) for each. `trailing` answers
 * the same question about each event in O(1). A window takes events while `end >= stream time - grace`.
 */
export class SlidingAggregate implements TimedOperator {
  readonly #step: SlidingStep
  readonly #fold: Fold
  readonly #slots: SlotStore<readonly Session[]>
  readonly #time: StreamTime
  readonly #context: TaskContext
  readonly #out: Operator
  readonly #final: boolean
  readonly #late: Counter
  readonly #lateWindows: Counter
  readonly #nullKey: Counter
  readonly #nullValue: Counter
  readonly #closed = new FlowRecord()
  readonly #windows: KeyWindows
  readonly #clone = new ByteWriter(256)
  #newestStart: number
  #dueSlot = -1
  /** The last step of time that was taken up. */
  #taken = -1
  #due = new DueSessions([])

  constructor(step: SlidingStep, context: TaskContext, out: Operator) {
    this.#step = step
    this.#fold = new Fold(step.spec)
    this.#slots = new SlotStore(context.state, step.store, sessionsCodec(this.#fold))
    this.#context = context
    this.#out = out
    this.#final = step.emit === 'final'
    this.#late = context.dropped(step.store, 'late')
    this.#lateWindows = context.dropped(step.store, 'late-windows')
    this.#nullKey = context.dropped(step.store, 'null-key')
    this.#nullValue = context.dropped(step.store, 'null-value')
    this.#windows = new KeyWindows(step.window.diffMs, this.#fold, folded => this.#copy(folded))
    this.#time = new StreamTime(this.#slots, context.aligned, time => this.#advance(time))
    this.#newestStart = this.#latestStart()
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
    record.encodeKey()
    const { diffMs, graceMs } = this.#step.window
    const { timestamp, keyBytes, keyStart, keyEnd } = record
    const time = this.#time.observe(timestamp)
    if (timestamp + diffMs < time - graceMs) {
      this.#late.value++
      this.#lateWindows.value++
      return
    }
    const { entries } = this.#slots
    const row = this.#slots.row(keyBytes, keyStart, keyEnd, entrySlot)
    const oldest = this.#oldest()
    const known = (entries.get(row) ?? none).filter(({ startMs }) => startMs >= oldest)
    const changed = this.#windows.add(known, value, timestamp, time - graceMs)
    this.#lateWindows.value += this.#windows.refused
    for (const { session, isNew } of changed) if (isNew) this.#register(record, session, known)
    const kept = this.#windows.all.filter(({ folded }) => !this.#fold.isEmpty(folded))
    entries.set(row, kept.length === 0 ? undefined : kept)
    if (this.#final) return
    for (const { session } of changed) this.#send(record, session)
    record.value = value
    record.timestamp = timestamp
  }

  /** Lists the key under the window's start, unless another window of it stands there. */
  #register({ keyBytes, keyStart, keyEnd }: FlowRecord, made: Session, known: readonly Session[]): void {
    if (made.startMs > this.#newestStart) this.#newestStart = made.startMs
    const slot = this.#slotOf(made.startMs)
    if (slot === this.#dueSlot) {
      const key = Buffer.from(keyBytes.subarray(keyStart, keyEnd))
      this.#due.add({ startMs: made.startMs, endMs: made.endMs, key })
    }
    if (!known.some(({ startMs }) => this.#slotOf(startMs) === slot))
      this.#slots.register(keyBytes, keyStart, keyEnd, slot)
  }

  #slotOf(startMs: number): number {
    return Math.floor(startMs / this.#step.window.diffMs)
  }

  #copy(folded: Folded): Folded {
    this.#clone.reset()
    this.#fold.write(folded, this.#clone)
    return this.#fold.read(this.#clone.copy(), 0, this.#clone.length)
  }

  #send(record: FlowRecord, { startMs, endMs, folded }: Session): void {
    const result: Record<string, unknown> = this.#fold.isEmpty(folded) ? { deleted: true } : this.#fold.result(folded)
    result['startMs'] = startMs
    result['endMs'] = endMs
    record.value = result
    record.timestamp = folded.timestamp
    this.#out.process(record)
  }

  /** Windows that begin before this are forgotten: none that can still change needs them. */
  #oldest(): number {
    return this.#newestStart - this.#step.window.retentionMs
  }

  /** The latest start of a window that is kept; the others are measured by it. */
  #latestStart(): number {
    const last = this.#slots.slots.at(-1)
    if (last === undefined) return -1
    const starts = this.#slots.keys(last.slot).flatMap(key => {
      const row = this.#slots.row(key, 0, key.length, entrySlot)
      return (this.#slots.entries.get(row) ?? none).map(({ startMs }) => startMs)
    })
    return Math.max(-1, ...starts)
  }

  onTime(): void {
    this.#time.onTime()
  }

  onEnd(): void {
    this.#time.onEnd()
  }

  #advance(time: number): void {
    const { root } = this.#slots
    if (this.#final) this.#emit(root.streamTime - this.#step.window.graceMs, time - this.#step.window.graceMs)
    this.#slots.moveTo(time)
    const { diffMs } = this.#step.window
    const oldest = this.#oldest()
    for (;;) {
      const first = this.#slots.slots[0]
      if (first === undefined || (first.slot + 1) * diffMs > oldest) return
      this.#forget(first.slot, oldest)
    }
  }

  /** Forwards the windows that close as time moves from one limit to another. */
  #emit(formerLimitMs: number, limitMs: number): void {
    const { diffMs } = this.#step.window
    for (;;) {
      if (this.#dueSlot < 0 && !this.#load(formerLimitMs, limitMs)) return
      for (let due = this.#due.take(limitMs); due !== undefined; due = this.#due.take(limitMs)) this.#close(due)
      if (!this.#due.isEmpty || (this.#dueSlot + 2) * diffMs > limitMs) return
      this.#dueSlot = -1
    }
  }

  /** Takes up the first step of time with windows that are not closed by `formerLimitMs` and may be by `limitMs`. */
  #load(formerLimitMs: number, limitMs: number): boolean {
    const { diffMs } = this.#step.window
    const next = this.#slots.slots.find(({ slot }) => slot > this.#taken && (slot + 2) * diffMs > formerLimitMs)
    if (next === undefined || (next.slot + 1) * diffMs >= limitMs) return false
    const due: Due[] = []
    for (const key of this.#slots.keys(next.slot)) {
      const windows = this.#slots.entries.get(this.#slots.row(key, 0, key.length, entrySlot)) ?? none
      for (const { startMs, endMs } of windows)
        if (this.#slotOf(startMs) === next.slot && endMs >= formerLimitMs) due.push({ startMs, endMs, key })
    }
    this.#dueSlot = next.slot
    this.#taken = next.slot
    this.#due = new DueSessions(due)
    return true
  }

  #close({ startMs, key }: Due): void {
    const row = this.#slots.row(key, 0, key.length, entrySlot)
    const window = this.#slots.entries.get(row)?.find(candidate => candidate.startMs === startMs)
    if (window === undefined) return
    const closed = this.#closed
    closed.setNoOrigin(this.#context.partition)
    closed.setKeyBytes(key, 0, key.length, this.#step.key as Serde<unknown>)
    this.#send(closed, window)
  }

  #forget(slot: number, oldest: number): void {
    const { entries } = this.#slots
    for (const key of this.#slots.keys(slot)) {
      const row = this.#slots.row(key, 0, key.length, entrySlot)
      const known = entries.get(row)
      if (known === undefined) continue
      const kept = known.filter(({ startMs }) => startMs >= oldest)
      entries.set(row, kept.length === 0 ? undefined : kept)
    }
    this.#slots.forget(slot)
  }
}
