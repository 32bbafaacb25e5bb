import type { CachedStore } from '../state/cached.ts'
import type { Fold, Folded } from './fold.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'

/** A table as joins read it. */
export interface Rows {
  /** The row of the record's key, undefined where there is none. The key is not null. */
  find(record: FlowRecord): unknown
}

/** A table's rows as state: each record replaces its key's row, a null value deletes it. Forwards every change. */
export class TableStore implements Operator {
  readonly #rows: CachedStore<unknown>
  readonly #out: Operator
  readonly #nullKey: Counter

  constructor(options: { store: string; rows: CachedStore<unknown> }, context: TaskContext, out: Operator) {
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
    this.#rows.set(row, record.value ?? undefined)
    this.#out.process(record)
  }
}

/** The rows that a source table keeps. */
export function storedRows(rows: CachedStore<unknown>): Rows {
  return {
    find(record) {
      record.encodeKey()
      return rows.get(rows.row(record.keyBytes, record.keyStart, record.keyEnd))
    },
  }
}

/** The rows that an aggregate keeps, as results. */
export function aggregateRows(rows: CachedStore<Folded>, fold: Fold): Rows {
  return {
    find(record) {
      record.encodeKey()
      const folded = rows.get(rows.row(record.keyBytes, record.keyStart, record.keyEnd))
      return folded === undefined ? undefined : fold.result(folded)
    },
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
