import type { Serde } from '../schemas/serde.ts'
import type { Deletes, Results, Spans, Spec, WindowChange } from './aggregates.ts'
import { count } from './counting.ts'
import { Handle } from './handle.ts'
import { branchNames } from './names.ts'
import type {
  Accepts,
  Fn,
  GroupOptions,
  Guard,
  Narrowed,
  Predicates,
  ProcessOptions,
  Remaining,
  RepartitionOptions,
  RowFn,
  TrailingOptions,
  Without,
} from './options.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { StateSpec } from './state.ts'
import { type AnyWindow, type Duration, graceMs, type Span, type Window } from './windows.ts'

// The handles call one another (a stream groups, a group aggregates to a table, a table streams its changes): in
// several files they would import each other in a circle.

export class Stream<in out K, in out V> extends Handle {
  filter<W extends V>(fn: Guard<K, V, W>): Stream<K, W>
  filter(fn: Fn<K, V, boolean>): Stream<K, V>
  filter(fn: Fn<K, V, boolean>): Stream<K, any> {
    return new Stream(...this.extend({ kind: 'filter', fn, keep: true }))
  }

  /** Keeps the records for which `fn` is false. */
  filterNot<W extends V>(fn: Guard<K, V, W>): Stream<K, Exclude<V, W>>
  filterNot(fn: Fn<K, V, boolean>): Stream<K, V>
  filterNot(fn: Fn<K, V, boolean>): any {
    return new Stream(...this.extend({ kind: 'filter', fn, keep: false }))
  }

  /** A new value; the key stays. */
  map<W>(fn: Fn<K, V, W>): Stream<K, W> {
    return new Stream(...this.extend({ kind: 'map', fn }))
  }

  /** Any number of new values, in order. */
  flatMap<W>(fn: Fn<K, V, Iterable<W>>): Stream<K, W> {
    return new Stream(...this.extend({ kind: 'flatMap', fn }))
  }

  /** A new key (Kafka Streams' selectKey). What groups or repartitions next moves the records to its partition. */
  rekey<K2>(fn: Fn<K, V, K2>, key: Serde<K2>): Stream<K2, V> {
    return new Stream(...this.extend({ kind: 'rekey', fn, key }))
  }

  peek(fn: Fn<K, V, void>): Stream<K, V> {
    return new Stream(...this.extend({ kind: 'peek', fn }))
  }

  /** These streams interleaved, in no order but that of time within a task. */
  merge(...others: readonly Stream<K, V>[]): Stream<K, V> {
    return new Stream(...this.extend({ kind: 'merge' }, ...others))
  }

  /**
   * One stream for each predicate, by its name. The first predicate that is true takes a record; the others go to the
   * stream named by `otherwise`, or nowhere without it.
   */
  split<const P extends Predicates<K, V>, const Rest extends string = never>(
    predicates: P,
    options: { readonly otherwise?: Rest } = {},
  ): { readonly [N in keyof P]: Stream<K, Narrowed<V, P[N]>> } & { readonly [N in Rest]: Stream<K, Remaining<V, P>> } {
    const names = branchNames(predicates, options.otherwise)
    const split = new Stream(...this.extend({ kind: 'split', predicates: Object.values(predicates) }))
    return Object.fromEntries(
      names.map((name, index) => [name, new Stream(...split.extend({ kind: 'branch', index, name }))]),
    ) as never
  }

  /**
   * Groups by a new key. `value` writes the records to the repartition topic; needed once a step behind the source has
   * changed them.
   */
  groupBy<K2>(fn: Fn<K, V, K2>, key: Serde<K2>, value?: Serde<V>, options?: GroupOptions): Grouped<K2, V> {
    return this.rekey(fn, key).groupByKey(value, options)
  }

  /** Groups by the key there is. Goes through a repartition topic only if that key is new. */
  groupByKey(value?: Serde<V>, options: GroupOptions = {}): Grouped<K, V> {
    const { name = null, partitions = null } = options
    return new Grouped(...this.extend({ kind: 'group', key: null, value: value ?? null, name, partitions }))
  }

  /** Sends each record to the partition of its key, through the topic `<application>-<name>-repartition`. */
  repartition(name: string, value?: Serde<V>, options: RepartitionOptions = {}): Stream<K, V> {
    return new Stream(
      ...this.extend({ kind: 'repartition', name, value: value ?? null, partitions: options.partitions ?? null }),
    )
  }

  /** Joins each record with the table's row of its key, as it is now; a record without a row is dropped. */
  join<W, R>(table: Table<K, W, any>, fn: (value: V, row: W, key: K) => R): Stream<K, R> {
    return new Stream(...this.extend({ kind: 'join', outer: false, fn }, table))
  }

  /** As `join`; a record without a row is joined with undefined. */
  leftJoin<W, R>(table: Table<K, W, any>, fn: (value: V, row: W | undefined, key: K) => R): Stream<K, R> {
    return new Stream(...this.extend({ kind: 'join', outer: true, fn }, table))
  }

  /** Parts what is older than stream time minus `grace`. That time is state under `name`: a restart decides alike. */
  lateness(
    name: string,
    options: { readonly grace: Duration },
  ): { readonly onTime: Stream<K, V>; readonly late: Stream<K, V> } {
    const judged = new Stream(
      ...this.extend({ kind: 'lateness', store: name, graceMs: graceMs(options.grace, `The grace of '${name}'`) }),
    )
    return {
      onTime: new Stream(...judged.extend({ kind: 'branch', index: 0, name: 'onTime' })),
      late: new Stream(...judged.extend({ kind: 'branch', index: 1, name: 'late' })),
    }
  }

  /**
   * Code of your own with state and timers. With `key` it may forward new keys, and what follows repartitions as after
   * `rekey`; without it, it must forward each key as it got it.
   */
  process<K2, const S extends Record<string, StateSpec> = {}, V2 = V>(
    name: string,
    options: ProcessOptions<S, K, V, K2, V2> & { readonly key: Serde<K2> },
  ): Stream<K2, V2>
  process<const S extends Record<string, StateSpec> = {}, V2 = V>(
    name: string,
    options: ProcessOptions<S, K, V, K, V2> & { readonly key?: never },
  ): Stream<K, V2>
  process(
    name: string,
    options: ProcessOptions<any, K, V, any, any> & { readonly key?: Serde<any> },
  ): Stream<any, any> {
    const { stores = {}, key = null, create } = options
    return new Stream(...this.extend({ kind: 'process', name, stores, key, create }))
  }

  /**
   * The records as rows: each replaces its key's row, one without a value deletes it. The rows are state under `name`.
   * `value` writes them; needed once a step behind the source has changed them.
   */
  toTable(name: string, value?: Serde<NonNullable<V>>): Table<K, NonNullable<V>, V | null> {
    return new Table(...this.extend({ kind: 'toTable', store: name, value: value ?? null }))
  }

  /** Hands this stream to `fn`: the door for operators written elsewhere. */
  apply<R>(fn: (stream: this) => R): R {
    return fn(this)
  }

  to<TopicKey, TopicValue>(topic: Accepts<K, V, TopicKey, TopicValue>): void {
    this.extend({ kind: 'sink', topic })
  }
}

export class Grouped<in out K, in out V> extends Handle {
  /** How many records each key has had: rows of `{ count }`. */
  count(name: string): Table<K, { readonly count: number }> {
    return this.aggregate(name, { count: count<V>() })
  }

  /** One row for each key, kept as state under `name`. */
  aggregate<const S extends Spec<V>>(
    name: string,
    spec: S,
  ): Table<K, Results<S>, Deletes<S> extends true ? Results<S> | null : Results<S>> {
    return new Table(...this.extend({ kind: 'aggregate', store: name, window: null, spec, combine: false }))
  }

  window<W extends AnyWindow>(window: W): WindowedGroup<K, V, W> {
    return new WindowedGroup(this.plan, this.node, window)
  }

  /**
   * For each event, what its key did over the spans that end with it: `{ payments2m: over('2m', count()) }`. One
   * store of events, under `name`, serves every span; the spans fold what `remember` keeps of each. The event itself
   * rides along as `event`, in full.
   */
  trailing<R, const S extends Spans<R>>(
    name: string,
    options: TrailingOptions<K, V, R>,
    spans: S & Without<S, 'event'>,
  ): TrailingTable<K, Results<S> & { readonly event: V }> {
    const { grace, event, remember = (value: V) => value } = options
    return new TrailingTable(
      ...this.extend({
        kind: 'trailing',
        store: name,
        graceMs: graceMs(grace, `The grace of '${name}'`),
        remember,
        event,
        spans,
      }),
    )
  }
}

export class WindowedGroup<in out K, in out V, in out W extends AnyWindow = Window> extends Handle {
  readonly #window: W

  constructor(plan: Plan, node: PlanNode, window: W) {
    super(plan, node)
    this.#window = window
  }

  /**
   * One result for each key and window, kept as state under `name`. The window's span rides in the result; the key
   * stays plain.
   *
   * With `combine`, records are folded before the repartition topic, if there is one, and partial aggregates go
   * through it at each commit: far fewer records, and `changes()` then means one change for each partial.
   */
  aggregate<const S extends Spec<V>>(
    name: string,
    spec: S & Without<S, keyof Span>,
    options: { readonly combine?: boolean } = {},
  ): WindowedTable<K, Results<S> & Span, WindowChange<S, W>> {
    const { combine = false } = options
    return new WindowedTable(...this.extend({ kind: 'aggregate', store: name, window: this.#window, spec, combine }))
  }
}

abstract class Emitting<in out K, in out Change> extends Handle {
  /** Every new row or result, as it happens. */
  changes(): Stream<K, Change> {
    return new Stream(...this.extend({ kind: 'emit', emit: 'changes' }))
  }
}

/** One row for each key. `Change` is what `changes()` gives: null for a deleted row, where rows can be deleted. */
export class Table<in out K, in out V, in out Change = V> extends Emitting<K, Change> {
  // Rows are read through joins; the field keeps tables of different rows apart for the compiler.
  declare readonly __row: (row: V) => V

  /**
   * The rows for which `fn` is true; the others are as if they were not there. `changes()` gives null for a row that is
   * not there any more; where this table is not stored, also for one that never was.
   */
  filter<W extends V>(fn: (row: V, key: K) => row is W): Table<K, W, W | null>
  filter(fn: RowFn<K, V, boolean>): Table<K, V, V | null>
  filter(fn: RowFn<K, V, boolean>): Table<K, any, any> {
    return new Table(...this.extend({ kind: 'tableFilter', fn, keep: true }))
  }

  /** The rows for which `fn` is false. */
  filterNot(fn: RowFn<K, V, boolean>): Table<K, V, V | null> {
    return new Table(...this.extend({ kind: 'tableFilter', fn, keep: false }))
  }

  /** Other rows under the same keys; null and undefined stand for no row. */
  map<W>(fn: RowFn<K, V, W>): Table<K, NonNullable<W>, NonNullable<W> | null> {
    return new Table(...this.extend({ kind: 'tableMap', fn }))
  }

  /**
   * Rows of both tables under one key, whenever one of them changes; a result has the higher of their times. Keys that
   * only one of the tables has are left out.
   */
  join<W, R>(other: Table<K, W, any>, fn: (row: V, other: W, key: K) => R): Table<K, NonNullable<R>, R | null> {
    return new Table(...this.extend({ kind: 'tableJoin', how: 'inner', fn }, other))
  }

  /** As `join`, with every row of this table. */
  leftJoin<W, R>(
    other: Table<K, W, any>,
    fn: (row: V, other: W | undefined, key: K) => R,
  ): Table<K, NonNullable<R>, R | null> {
    return new Table(...this.extend({ kind: 'tableJoin', how: 'left', fn }, other))
  }

  /** As `join`, with every row of both tables. */
  outerJoin<W, R>(
    other: Table<K, W, any>,
    fn: (row: V | undefined, other: W | undefined, key: K) => R,
  ): Table<K, NonNullable<R>, R | null> {
    return new Table(...this.extend({ kind: 'tableJoin', how: 'outer', fn }, other))
  }
}

/**
 * Results by key and window. Not a table: two windows of a key would be rows of one key. `Change` is what `changes()`
 * gives: a window of which nothing is left is told by its span.
 */
export class WindowedTable<in out K, in out V, in out Change = V> extends Emitting<K, Change> {
  /** One result for each window, once no record can change it any more. */
  final(): Stream<K, V> {
    return new Stream(...this.extend({ kind: 'emit', emit: 'final' }))
  }
}

/** One result for each event: its changes come one by one. */
export class TrailingTable<in out K, in out V> extends Emitting<K, V> {}
