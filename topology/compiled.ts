import type { Serde } from '../schemas/serde.ts'
import type { Aggregate, Over } from './aggregates.ts'
import type { AnyTopic, DeadLetters, OnFailure, Step, TimestampOf } from './plan.ts'
import type { SessionWindow, SlidingWindow, WindowShape } from './windows.ts'

// What `compile` makes of a plan: the parts that run, cut at repartition topics. Still plain data.

export interface Compiled {
  readonly name: string
  readonly subTopologies: readonly SubTopology[]
  readonly repartitions: readonly Repartition[]
  readonly onFailure: OnFailure
  readonly deadLetters: DeadLetters | null
  /** Topics of the user that are read / written, by name. */
  readonly inputs: readonly AnyTopic[]
  readonly outputs: readonly AnyTopic[]
}

export interface SubTopology {
  readonly id: number
  /** Each node comes after all that it reads from. */
  readonly nodes: readonly RunNode[]
  readonly stores: readonly StoreSpec[]
  /** Names of input topics and of repartitions that tasks of this part read. */
  readonly inputs: readonly string[]
  readonly repartitionInputs: readonly string[]
}

export interface RunNode {
  readonly id: number
  readonly step: RunStep
  readonly from: readonly number[]
  /**
   * Children in the order in which they were defined: the order of forwarding. A join is a child of its stream only:
   * it reads the table, `from[1]`, whose records do not trigger it. A join of two tables is a child of both; of one
   * table with itself twice.
   */
  readonly to: readonly number[]
}

/** A topic that carries records to the partition of their new key. */
export interface Repartition {
  /** Without the application's name; the topic is `<application>-<name>-repartition`. */
  readonly name: string
  readonly key: Serde<any>
  readonly value: Serde<any>
  /** Fixed by the user, or null: as many as the widest source of the sub-topologies that write it. */
  readonly partitions: number | null
  readonly writtenBy: readonly number[]
  readonly readBy: number
}

export interface StoreSpec {
  readonly name: string
  /**
   * keyValue: aggregates, tables, user stores. slots: windows, trailing events, user window stores. time: only a
   * stream time.
   */
  readonly kind: 'keyValue' | 'slots' | 'time'
}

export type RunStep =
  | Extract<
      Step,
      {
        kind:
          | 'filter'
          | 'map'
          | 'flatMap'
          | 'rekey'
          | 'peek'
          | 'merge'
          | 'split'
          | 'lateness'
          | 'branch'
          | 'join'
          | 'tableFilter'
          | 'tableMap'
          | 'tableJoin'
          | 'process'
          | 'sink'
      }
    >
  /** `table`: a `tableStore` follows; at equal timestamps its records go first. */
  | {
      readonly kind: 'source'
      readonly topic: AnyTopic
      readonly timestamp: TimestampOf | null
      readonly table: boolean
    }
  /** Forwards changes of a table whose rows nobody looks up: they are not kept. */
  | { readonly kind: 'upsert'; readonly topic: string }
  /** Upserts into `store` and forwards; `key` and `value` are the topic's serdes. */
  | { readonly kind: 'tableStore'; readonly store: string; readonly key: Serde<any>; readonly value: Serde<any> }
  | {
      readonly kind: 'repartitionSource'
      readonly repartition: string
      readonly key: Serde<any>
      readonly value: Serde<any>
    }
  | {
      readonly kind: 'repartitionSink'
      readonly repartition: string
      readonly key: Serde<any>
      readonly value: Serde<any>
    }
  | {
      readonly kind: 'aggregate'
      readonly store: string
      readonly key: Serde<any>
      readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
    }
  | WindowedStep
  | SessionStep
  | SlidingStep
  /** Folds into partial aggregates by key and window, and sends them to the repartition topic at each commit. */
  | {
      readonly kind: 'combine'
      readonly repartition: string
      readonly key: Serde<any>
      readonly window: WindowShape
      readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
    }
  | TrailingStep

export interface WindowedStep {
  readonly kind: 'windowed'
  readonly store: string
  readonly key: Serde<any>
  readonly window: WindowShape
  readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
  readonly emit: 'changes' | 'final'
  /** Whether records are partial aggregates made by `combine`, to be merged. */
  readonly merges: boolean
}

export interface SessionStep {
  readonly kind: 'session'
  readonly store: string
  readonly key: Serde<any>
  readonly window: SessionWindow
  readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
  readonly emit: 'changes' | 'final'
}

export interface SlidingStep {
  readonly kind: 'sliding'
  readonly store: string
  readonly key: Serde<any>
  readonly window: SlidingWindow
  readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
  readonly emit: 'changes' | 'final'
}

export interface TrailingStep {
  readonly kind: 'trailing'
  readonly store: string
  readonly key: Serde<any>
  readonly graceMs: number
  readonly remember: Extract<Step, { kind: 'trailing' }>['remember']
  readonly event: Serde<any>
  readonly spans: Readonly<Record<string, Over<any, any, any>>>
}
