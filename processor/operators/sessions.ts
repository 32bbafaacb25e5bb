import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { SessionStep } from '../../topology/compiled.ts'
import { SlotStore } from '../state/slots.ts'
import { Fold } from './fold.ts'
import type { Counter, Operator, TaskContext, TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { type Due, DueSessions, type Session, sessionsCodec } from './session-list.ts'
import { StreamTime } from './stream-time.ts'

/** All sessions of a key are one entry. */
const entrySlot = 0
const none: readonly Session[] = []

/**
 * Session windows: an event within the gap of sessions (both inclusive) makes one of them and itself.
 *
 * ```
 *      0....5....10...15...20...    gap 5
 *                a     b     c      [10,10] [16,16] [22,22]
 *                a  d  b     c      d@13: deleted [10,10], [16,16]; then [10,16] = abd at 16
 * ```
 *
 * A session takes events while `end >= stream time - grace - gap`. With `changes` each event forwards the sessions that
 * it has merged as deleted, and then its own; with `final` each session forwards one result when it closes, in the
 * order of (end, start, key bytes), before the record that closed it is applied. Results carry no headers: no one
 * record made them. (Kafka Streams: SessionWindows; what `final` has emitted is deleted and merges no more.)
 *
 * The directory lists keys by the end of their sessions, in steps of one gap. Of the step in which sessions are due,
 * all are held in memory, by their ends.
 */
export class SessionAggregate implements TimedOperator {
  readonly #step: SessionStep
  readonly #fold: Fold
  readonly #slots: SlotStore<readonly Session[]>
  readonly #time: StreamTime
  readonly #context: TaskContext
  readonly #out: Operator
  readonly #final: boolean
  /** How long after its end a session is kept. */
  readonly #keptMs: number
  readonly #late: Counter
  readonly #lateWindows: Counter
  readonly #nullKey: Counter
  readonly #sent = new FlowRecord()
  readonly #closed = new FlowRecord()
  #dueSlot = -1
  #due = new DueSessions([])

  constructor(step: SessionStep, context: TaskContext, out: Operator) {
    const { gapMs, graceMs, retentionMs } = step.window
    this.#step = step
    this.#fold = new Fold(step.spec)
    this.#slots = new SlotStore(context.state, step.store, sessionsCodec(this.#fold))
    this.#context = context
    this.#out = out
    this.#final = step.emit === 'final'
    this.#keptMs = this.#final ? gapMs + graceMs : retentionMs
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
    const { gapMs, graceMs } = this.#step.window
    const at = record.timestamp
    const { entries } = this.#slots
    const row = this.#slots.row(record.keyBytes, record.keyStart, record.keyEnd, entrySlot)
    const known = entries.get(row) ?? none
    const found = known.filter(({ startMs, endMs }) => endMs >= at - gapMs && startMs <= at + gapMs)
    const startMs = Math.min(at, ...found.map(session => session.startMs))
    const endMs = Math.max(at, ...found.map(session => session.endMs))
    if (endMs < time - graceMs - gapMs) {
      this.#late.value++
      this.#lateWindows.value++
      return
    }
    const folded = this.#fold.start()
    for (const session of found) this.#fold.merge(folded, session.folded.states, session.folded.timestamp)
    this.#fold.add(folded, record.value, at)
    const sessions = known.filter(session => !found.includes(session))
    const made = { startMs, endMs, folded }
    if (!this.#fold.isEmpty(folded)) this.#insert(sessions, made, found, record)
    entries.set(row, sessions.length === 0 ? undefined : sessions)
    if (this.#final) return
    // A session that is as it was before, but for this event, is not deleted first.
    if (startMs !== endMs) for (const session of found) this.#send(record, session, true)
    this.#send(record, made, this.#fold.isEmpty(folded))
  }

  /** Puts the session into the key's list, and sees to it that it will be found when it is due. */
  #insert(sessions: Session[], made: Session, found: readonly Session[], record: FlowRecord): void {
    let index = sessions.length
    while (index > 0 && sessions[index - 1]!.endMs > made.endMs) index--
    sessions.splice(index, 0, made)
    const { keyBytes, keyStart, keyEnd } = record
    const slot = this.#slotOf(made.endMs)
    if (slot === this.#dueSlot) {
      const key = Buffer.from(keyBytes.subarray(keyStart, keyEnd))
      this.#due.add({ endMs: made.endMs, startMs: made.startMs, key })
    }
    // Listed already, if one of those that it takes the place of was.
    if (!found.some(({ endMs }) => this.#slotOf(endMs) === slot)) this.#slots.register(keyBytes, keyStart, keyEnd, slot)
  }

  #slotOf(endMs: number): number {
    return Math.floor(endMs / this.#step.window.gapMs)
  }

  /** Forwards a result, or that there is none any more, at the session's end. */
  #send({ keyBytes, keyStart, keyEnd }: FlowRecord, session: Session, isDeleted: boolean): void {
    const { startMs, endMs, folded } = session
    const value: Record<string, unknown> = isDeleted ? { deleted: true } : this.#fold.result(folded)
    value['startMs'] = startMs
    value['endMs'] = endMs
    const sent = this.#sent
    sent.setNoOrigin(this.#context.partition)
    sent.setKeyBytes(keyBytes, keyStart, keyEnd, this.#step.key as Serde<unknown>)
    sent.value = value
    sent.timestamp = endMs
    this.#out.process(sent)
  }

  onTime(): void {
    this.#time.onTime()
  }

  onEnd(): void {
    this.#time.onEnd()
  }

  #advance(time: number): void {
    this.#slots.moveTo(time)
    const limitMs = time - this.#keptMs
    const { gapMs } = this.#step.window
    for (;;) {
      if (this.#dueSlot < 0 && !this.#load(limitMs)) return
      for (let due = this.#due.take(limitMs); due !== undefined; due = this.#due.take(limitMs)) this.#close(due)
      // More may come into this step of time.
      if (!this.#due.isEmpty || (this.#dueSlot + 1) * gapMs > limitMs) return
      this.#slots.forget(this.#dueSlot)
      this.#dueSlot = -1
    }
  }

  /** Takes up the first step of time, if sessions that ended there may be due. */
  #load(limitMs: number): boolean {
    const first = this.#slots.slots[0]
    if (first === undefined || first.slot * this.#step.window.gapMs >= limitMs) return false
    const due: Due[] = []
    for (const key of this.#slots.keys(first.slot)) {
      const sessions = this.#slots.entries.get(this.#slots.row(key, 0, key.length, entrySlot)) ?? none
      for (const { startMs, endMs } of sessions)
        if (this.#slotOf(endMs) === first.slot) due.push({ startMs, endMs, key })
    }
    this.#dueSlot = first.slot
    this.#due = new DueSessions(due)
    return true
  }

  /** Gives a session up, if it is not part of another one by now, and forwards it if nobody saw its result yet. */
  #close({ startMs, endMs, key }: Due): void {
    const { entries } = this.#slots
    const row = this.#slots.row(key, 0, key.length, entrySlot)
    const known = entries.get(row) ?? none
    const session = known.find(candidate => candidate.startMs === startMs && candidate.endMs === endMs)
    if (session === undefined) return
    const others = known.filter(other => other !== session)
    entries.set(row, others.length === 0 ? undefined : others)
    if (!this.#final) return
    const closed = this.#closed
    closed.setKeyBytes(key, 0, key.length, this.#step.key as Serde<unknown>)
    this.#send(closed, session, false)
  }
}
