import type { CachedStore } from '../state/cached.ts'
import type { Fold, Folded } from './fold.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'

export interface AggregateOptions {
  readonly store: string
  readonly fold: Fold
  readonly rows: CachedStore<Folded>
  /** Whether a step asks for the row before a change. */
  readonly sendsFormer: boolean
}

/**
 * One row for each key, for ever: every record forwards the new result, at the highest timestamp that went into it.
 * A row of which nothing is left is deleted, and null forwarded. Records with a null key or value are dropped. (Kafka
 * Streams: KGroupedStream.aggregate.)
 */
export class AggregateByKey implements Operator {
  readonly #fold: Fold
  readonly #rows: CachedStore<Folded>
  readonly #sendsFormer: boolean
  readonly #out: Operator
  readonly #nullKey: Counter
  readonly #nullValue: Counter

  constructor(options: AggregateOptions, context: TaskContext, out: Operator) {
    this.#fold = options.fold
    this.#rows = options.rows
    this.#sendsFormer = options.sendsFormer
    this.#out = out
    this.#nullKey = context.dropped(options.store, 'null-key')
    this.#nullValue = context.dropped(options.store, 'null-value')
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
    const rows = this.#rows
    const row = rows.row(record.keyBytes, record.keyStart, record.keyEnd)
    const known = rows.get(row)
    const folded = known ?? this.#fold.start()
    const before: unknown = record.former
    if (this.#sendsFormer) record.former = known === undefined ? undefined : this.#fold.result(known)
    this.#fold.add(folded, value, record.timestamp)
    const isEmpty = this.#fold.isEmpty(folded)
    rows.set(row, isEmpty ? undefined : folded)
    const { timestamp } = record
    record.value = isEmpty ? null : this.#fold.result(folded)
    record.timestamp = folded.timestamp
    this.#out.process(record)
    record.value = value
    record.former = before
    record.timestamp = timestamp
  }
}
