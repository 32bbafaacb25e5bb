import type { Serde } from '../../schemas/serde.ts'
import type { RecordMeta } from '../../topology/process.ts'
import type { Operator } from './operator.ts'
import type { FlowRecord } from './record.ts'

type Fn<R> = (value: any, key: any, meta: RecordMeta) => R

/** Passes on the records for which the predicate says `keep`. */
export class Filter implements Operator {
  readonly #fn: Fn<boolean>
  readonly #keep: boolean
  readonly #out: Operator

  constructor(fn: Fn<boolean>, keep: boolean, out: Operator) {
    this.#fn = fn
    this.#keep = keep
    this.#out = out
  }

  process(record: FlowRecord): void {
    const fn = this.#fn
    if (Boolean(fn(record.value, record.key, record)) === this.#keep) this.#out.process(record)
  }
}

/** A new value. */
export class MapValues implements Operator {
  readonly #fn: Fn<unknown>
  readonly #out: Operator

  constructor(fn: Fn<unknown>, out: Operator) {
    this.#fn = fn
    this.#out = out
  }

  process(record: FlowRecord): void {
    const before: unknown = record.value
    const fn = this.#fn
    record.value = fn(before, record.key, record)
    this.#out.process(record)
    record.value = before
  }
}

/** Any number of values for one, in the order given. */
export class FlatMapValues implements Operator {
  readonly #fn: Fn<Iterable<unknown>>
  readonly #out: Operator

  constructor(fn: Fn<Iterable<unknown>>, out: Operator) {
    this.#fn = fn
    this.#out = out
  }

  process(record: FlowRecord): void {
    const before: unknown = record.value
    const fn = this.#fn
    for (const value of fn(before, record.key, record)) {
      record.value = value
      this.#out.process(record)
    }
    record.value = before
  }
}

/** A new key. */
export class Rekey implements Operator {
  readonly #fn: Fn<unknown>
  readonly #key: Serde<any>
  readonly #next: (record: FlowRecord) => void

  constructor(fn: Fn<unknown>, key: Serde<any>, out: Operator) {
    this.#fn = fn
    this.#key = key
    this.#next = record => out.process(record)
  }

  process(record: FlowRecord): void {
    const fn = this.#fn
    record.withKey(fn(record.value, record.key, record), this.#key, this.#next)
  }
}

/** A side effect. */
export class Peek implements Operator {
  readonly #fn: Fn<void>
  readonly #out: Operator

  constructor(fn: Fn<void>, out: Operator) {
    this.#fn = fn
    this.#out = out
  }

  process(record: FlowRecord): void {
    const fn = this.#fn
    fn(record.value, record.key, record)
    this.#out.process(record)
  }
}

/** Each record to the branch of the first predicate that is true, else to the one after the last. */
export class Split implements Operator {
  readonly #predicates: readonly Fn<boolean>[]
  readonly #branches: readonly Operator[]

  constructor(predicates: readonly Fn<boolean>[], branches: readonly Operator[]) {
    this.#predicates = predicates
    this.#branches = branches
  }

  process(record: FlowRecord): void {
    let index = 0
    for (const predicate of this.#predicates) {
      if (predicate(record.value, record.key, record)) break
      index++
    }
    this.#branches[index]?.process(record)
  }
}
