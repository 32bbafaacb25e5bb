import type { Serde } from '../../schemas/serde.ts'
import type { CachedStore } from '../state/cached.ts'
import type { Fold, Folded } from './fold.ts'
import type { FlowRecord } from './record.ts'

/** A table as joins read it. */
export interface Rows {
  /** The row of the record's key, undefined where there is none. The key is not null. */
  find(record: FlowRecord): unknown
  /** Of the row that was found last. */
  readonly timestamp: number
}

/** A row that is kept as it came. */
export interface StoredRow {
  readonly value: unknown
  readonly timestamp: number
}

export const storedRowCodec = (value: Serde<any>): Pick<Serde<StoredRow>, 'read' | 'write'> => ({
  write(row, out) {
    out.f64(row.timestamp)
    value.write(row.value, out)
  },
  read: (bytes, start, end) => ({ timestamp: bytes.readDoubleBE(start), value: value.read(bytes, start + 8, end) }),
})

/** The rows that a source table or `toTable` keeps. */
export class StoredRows implements Rows {
  readonly #rows: CachedStore<StoredRow>
  timestamp = -1

  constructor(rows: CachedStore<StoredRow>) {
    this.#rows = rows
  }

  find(record: FlowRecord): unknown {
    record.encodeKey()
    const found = this.#rows.get(this.#rows.row(record.keyBytes, record.keyStart, record.keyEnd))
    if (found === undefined) return undefined
    this.timestamp = found.timestamp
    return found.value
  }
}

/** The rows that an aggregate keeps, as results. */
export class AggregateRows implements Rows {
  readonly #rows: CachedStore<Folded>
  readonly #fold: Fold
  timestamp = -1

  constructor(rows: CachedStore<Folded>, fold: Fold) {
    this.#rows = rows
    this.#fold = fold
  }

  find(record: FlowRecord): unknown {
    record.encodeKey()
    const folded = this.#rows.get(this.#rows.row(record.keyBytes, record.keyStart, record.keyEnd))
    if (folded === undefined) return undefined
    this.timestamp = folded.timestamp
    return this.#fold.result(folded)
  }
}

/** Rows as a function of other rows: nothing more is kept of them. */
export class MappedRows implements Rows {
  readonly #rows: Rows
  readonly #fn: (row: unknown, key: unknown) => unknown

  /** `fn` answers undefined where there is to be no row. */
  constructor(rows: Rows, fn: (row: unknown, key: unknown) => unknown) {
    this.#rows = rows
    this.#fn = fn
  }

  get timestamp(): number {
    return this.#rows.timestamp
  }

  find(record: FlowRecord): unknown {
    const row = this.#rows.find(record)
    const fn = this.#fn
    return row === undefined ? undefined : fn(row, record.key)
  }
}
