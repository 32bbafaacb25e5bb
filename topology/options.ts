import type { Serde } from '../schemas/serde.ts'
import type { Topic } from '../schemas/topic.ts'
import type { DeadLetters, OnFailure } from './plan.ts'
import type { ProcessorContext, ProcessorInstance, RecordMeta } from './process.ts'
import type { StateSpec } from './state.ts'
import type { Duration } from './windows.ts'

// What the methods of the handles in stream.ts take, as types.

export interface TopologyOptions {
  /**
   * What becomes of a record that cannot be decoded or whose processing throws. Default `fail`: the application stops.
   */
  readonly onFailure?: OnFailure
  /** Where they go under `dead-letter`, in the same transaction as their offsets. */
  readonly deadLetters?: DeadLetters
}

export interface StreamOptions<K, V> {
  /**
   * The event time of a record in milliseconds; default: the Kafka record's. Negative drops the record.
   * `partitionTime` is -1 at first.
   */
  readonly timestamp?: (value: V, key: K, recordTimestamp: number, partitionTime: number) => number
}

export interface RepartitionOptions {
  /** How many partitions the repartition topic has. Default: as many as its widest source. */
  readonly partitions?: number
}

export interface GroupOptions extends RepartitionOptions {
  /**
   * The name of the repartition topic, if there is one: `<application>-<name>-repartition`. Default: the name of the
   * first store behind this grouping, so give one when several aggregates share it and their order may change.
   */
  readonly name?: string
}

/** A function of a value, its key, and where the record came from (valid during the call only). */
export type Fn<K, V, R> = (value: V, key: K, meta: RecordMeta) => R

/** A function of a table's row and its key. It may be called whenever the row is looked up, and for former rows. */
export type RowFn<K, V, R> = (row: V, key: K) => R

/** A predicate that narrows the type of the values it lets through. */
export type Guard<K, V, W extends V> = (value: V, key: K, meta: RecordMeta) => value is W

export type Predicates<K, V> = Readonly<Record<string, Fn<K, V, boolean>>>

/** What the predicate `P` leaves of `V`: the narrowed type, if it is a type guard. */
export type Narrowed<V, P> = P extends ((value: any, ...rest: any[]) => value is infer W) ? W & V : V

/** What no predicate of `P` takes of `V`. */
export type Remaining<V, P> = Exclude<
  V,
  { [N in keyof P]: P[N] extends ((value: any, ...rest: any[]) => value is infer W) ? W : never }[keyof P]
>

/** A topic that can hold these keys and values: its own types may be wider. */
export type Accepts<K, V, TopicKey, TopicValue> = Topic<TopicKey, TopicValue> &
  ([K, V] extends [TopicKey, TopicValue]
    ? unknown
    : { readonly 'This topic cannot hold the records of this stream': [K, V] })

/**
 * Fields that results have already cannot be computed. Says nothing of a spec whose fields are not known before it
 * runs.
 */
export type Without<S, Fields extends string> = string extends keyof S
  ? unknown
  : { readonly [Field in Fields]?: never }

/** Without `remember`, what is remembered is the value itself: then `event` must be able to hold it. */
export type TrailingOptions<K, V, R> = {
  /** How far behind stream time an event may be and still get a result. Default 0. */
  readonly grace?: Duration
  /** Writes what is remembered of each event: the value, or what `remember` makes of it. */
  readonly event: Serde<R>
} & ({ readonly remember: Fn<K, V, R> } | ({ readonly remember?: never } & ([V] extends [R] ? unknown : never)))

/** Names a type where it cannot be inferred: `forwards: type<Alert>()`. Nothing at run time. */
export interface Type<T> {
  readonly __type?: T
}

export const type = <T>(): Type<T> => ({})

export interface ProcessOptions<S extends Record<string, StateSpec>, K, V, K2, V2> {
  /** State by local name; each has a name of its own, unique in the topology. */
  readonly stores?: S
  /** The type of the forwarded values: `type<Alert>()`. Default: that of the values it is given. */
  readonly forwards?: Type<V2>
  /** Called once for each task. */
  readonly create: (context: ProcessorContext<S, K2, V2>) => ProcessorInstance<K, V>
}
