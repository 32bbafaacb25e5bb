import type { CachedStore } from '../state/cached.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'
import type { Rows, StoredRow } from './rows.ts'

/** A table's rows as state: each record replaces its key's row, a null value deletes it. Forwards every change. */
export class TableStore implements Operator {
  readonly #rows: CachedStore<StoredRow>
  readonly #out: Operator
  readonly #nullKey: Counter

  constructor(options: { store: string; rows: CachedStore<StoredRow> }, context: TaskContext, out: Operator) {
    this.#rows = options.rows
    this.#out = out
    this.#nullKey = context.dropped(options.store, 'null-key')
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    record.encodeKey()
    const row = this.#rows.row(record.keyBytes, record.keyStart, record.keyEnd)
    const former = this.#rows.get(row)
    const value: unknown = record.value ?? undefined
    this.#rows.set(row, value === undefined ? undefined : { value, timestamp: record.timestamp })
    const before: unknown = record.former
    record.former = former?.value
    this.#out.process(record)
    record.former = before
  }
}

/** Changes of a table whose rows nobody looks up: forwarded, and not kept. */
export class Upsert implements Operator {
  readonly #out: Operator
  readonly #nullKey: Counter

  constructor(topic: string, context: TaskContext, out: Operator) {
    this.#out = out
    this.#nullKey = context.dropped(topic, 'null-key')
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) this.#nullKey.value++
    else this.#out.process(record)
  }
}

/**
 * Rows as a function of rows: a filter answers the row or undefined, a map another row. Changes only; who looks a row
 * up computes it again (`MappedRows`).
 *
 * Where the former row is known, a change from no row to no row is not forwarded; else a deletion is, each time.
 */
export class TableMap implements Operator {
  readonly #fn: (row: unknown, key: unknown) => unknown
  readonly #formerIsKnown: boolean
  readonly #dropsNothing: boolean
  readonly #out: Operator

  constructor(
    options: {
      readonly fn: (row: unknown, key: unknown) => unknown
      readonly formerIsKnown: boolean
      /** Whether changes from no row to no row are left out, where that is known. */
      readonly dropsNothing: boolean
    },
    out: Operator,
  ) {
    this.#fn = options.fn
    this.#formerIsKnown = options.formerIsKnown
    this.#dropsNothing = options.dropsNothing
    this.#out = out
  }

  process(record: FlowRecord): void {
    const value: unknown = record.value
    const former: unknown = record.former
    const now = this.#of(value, record)
    if (this.#formerIsKnown) {
      record.former = this.#of(former, record)
      if (this.#dropsNothing && now === undefined && record.former === undefined) {
        record.former = former
        return
      }
    }
    record.value = now ?? null
    this.#out.process(record)
    record.value = value
    record.former = former
  }

  #of(row: unknown, record: FlowRecord): unknown {
    const fn = this.#fn
    return row === null || row === undefined ? undefined : (fn(row, record.key) ?? undefined)
  }
}

/** Joins each stream record with the table's row of its key, as it is now. Table records trigger nothing. */
export class StreamTableJoin implements Operator {
  readonly #rows: Rows
  readonly #outer: boolean
  readonly #fn: (left: any, right: any, key: any) => unknown
  readonly #out: Operator
  readonly #nullKey: Counter
  readonly #nullValue: Counter

  constructor(
    options: { name: string; rows: Rows; outer: boolean; fn: (left: any, right: any, key: any) => unknown },
    context: TaskContext,
    out: Operator,
  ) {
    this.#rows = options.rows
    this.#outer = options.outer
    this.#fn = options.fn
    this.#out = out
    this.#nullKey = context.dropped(options.name, 'null-key')
    this.#nullValue = context.dropped(options.name, 'null-value')
  }

  process(record: FlowRecord): void {
    const value: unknown = record.value
    if (value === null || value === undefined) {
      this.#nullValue.value++
      return
    }
    let found: unknown
    if (record.keyIsNull) {
      if (!this.#outer) {
        this.#nullKey.value++
        return
      }
    } else {
      found = this.#rows.find(record)
      if (found === undefined && !this.#outer) return
    }
    const fn = this.#fn
    record.value = fn(value, found, record.key)
    this.#out.process(record)
    record.value = value
  }
}
