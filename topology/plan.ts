import type { Buffer } from 'node:buffer'
import type { Serde } from '../schemas/serde.ts'
import type { Topic } from '../schemas/topic.ts'
import type { Aggregate, Over } from './aggregates.ts'
import type { StateSpec } from './state.ts'
import type { AnyWindow } from './windows.ts'
import type { ProcessorContext, ProcessorInstance, RecordMeta } from './process.ts'

export type AnyTopic = Topic<any, any>

/** One step of a topology. Plain data: no Kafka, no store, no clock. Durations are milliseconds by now. */
export type Step =
  | {
      readonly kind: 'source'
      readonly topic: AnyTopic
      readonly table: boolean
      /** Of a table: its rows are kept even if no step looks them up. */
      readonly stored: boolean
      readonly timestamp: TimestampOf | null
    }
  | {
      readonly kind: 'filter'
      readonly fn: (value: any, key: any, meta: RecordMeta) => boolean
      readonly keep: boolean
    }
  /** A new value; the key stays. */
  | { readonly kind: 'map'; readonly fn: (value: any, key: any, meta: RecordMeta) => any }
  | { readonly kind: 'flatMap'; readonly fn: (value: any, key: any, meta: RecordMeta) => Iterable<any> }
  /** A new key; sets the repartition flag. */
  | { readonly kind: 'rekey'; readonly fn: (value: any, key: any, meta: RecordMeta) => any; readonly key: Serde<any> }
  | { readonly kind: 'peek'; readonly fn: (value: any, key: any, meta: RecordMeta) => void }
  | { readonly kind: 'merge' }
  /**
   * The first predicate that is true takes the record, to the `branch` of that index; else the branch after the last
   * one.
   */
  | { readonly kind: 'split'; readonly predicates: readonly ((value: any, key: any, meta: RecordMeta) => boolean)[] }
  /** On time to branch 0; with a timestamp below stream time - grace to branch 1. Keeps its stream time as state. */
  | { readonly kind: 'lateness'; readonly store: string; readonly graceMs: number }
  | { readonly kind: 'branch'; readonly index: number; /** Shown in descriptions. */ readonly name?: string }
  /**
   * Grouping: the next step needs records of one key together. `value` writes to the repartition topic, if there is to
   * be one.
   */
  | {
      readonly kind: 'group'
      readonly key: Serde<any> | null
      readonly value: Serde<any> | null
      /** Of the repartition topic; null: the name of the first store behind it. */
      readonly name: string | null
      /** Of the repartition topic; null: as many as its widest source. */
      readonly partitions: number | null
    }
  /** Always a repartition topic. */
  | {
      readonly kind: 'repartition'
      readonly name: string
      readonly value: Serde<any> | null
      readonly partitions: number | null
    }
  | {
      readonly kind: 'aggregate'
      readonly store: string
      readonly window: AnyWindow | null
      readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
      /** Folds before the repartition topic and sends partial aggregates at each commit. Windowed aggregates only. */
      readonly combine: boolean
    }
  | {
      readonly kind: 'trailing'
      readonly store: string
      readonly graceMs: number
      /** What is kept of each event, and how: the spans fold these. */
      readonly remember: (value: any, key: any, meta: RecordMeta) => any
      readonly event: Serde<any>
      readonly spans: Readonly<Record<string, Over<any, any, any>>>
    }
  | { readonly kind: 'emit'; readonly emit: 'changes' | 'final' }
  /** From [stream, table]. */
  | { readonly kind: 'join'; readonly outer: boolean; readonly fn: (left: any, right: any, key: any) => any }
  /** Rows of a stream's records; `value` writes them, if the place does not know how. */
  | { readonly kind: 'toTable'; readonly store: string; readonly value: Serde<any> | null }
  | { readonly kind: 'tableFilter'; readonly fn: (row: any, key: any) => boolean; readonly keep: boolean }
  | { readonly kind: 'tableMap'; readonly fn: (row: any, key: any) => any }
  /** From [left table, right table]. */
  | {
      readonly kind: 'tableJoin'
      readonly how: 'inner' | 'left' | 'outer'
      readonly fn: (left: any, right: any, key: any) => any
    }
  | {
      readonly kind: 'process'
      readonly name: string
      readonly stores: Readonly<Record<string, StateSpec>>
      readonly create: (context: ProcessorContext<any, any, any>) => ProcessorInstance<any, any>
      /** The serde of new keys; null: the key is left as it is. */
      readonly key: Serde<any> | null
    }
  | { readonly kind: 'sink'; readonly topic: AnyTopic }

/** The event time of a record in milliseconds; negative drops it (`bad-timestamp`). `partitionTime` is -1 at first. */
export type TimestampOf = (value: any, key: any, recordTimestamp: number, partitionTime: number) => number

export interface PlanNode {
  readonly id: number
  readonly step: Step
  /** The ids of the steps it reads from, in order. Always smaller than its own. */
  readonly from: readonly number[]
}

/** A record that could not be processed, as dead-letter writers see it. */
export interface Failure {
  /**
   * ERR_EMPTY, ERR_FRAME, ERR_SCHEMA, ERR_DECODE, ERR_SIZE of decoding; ERR_PROCESSING when a function of the topology
   * threw.
   */
  readonly code: string
  readonly message: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The Kafka record's timestamp. */
  readonly timestamp: number
  /** The original bytes. */
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly name: string; readonly value: Buffer | null }[]
}

/** Where records go that cannot be decoded or whose processing throws, in the transaction of their offsets. */
export interface DeadLetters {
  readonly topic: Topic<Buffer | null, any>
  readonly value: (failure: Failure) => unknown
}

/**
 * What becomes of such a record. What a function throws while a window closes or a timer fires always ends the
 * application: the record that moved time is not to blame, and without it the next one would meet the same.
 */
export type OnFailure = 'fail' | 'skip' | 'dead-letter'

/** The steps of a topology in the order in which they were written, so that an edge always points back. */
export class Plan {
  readonly name: string
  readonly nodes: PlanNode[] = []
  readonly onFailure: OnFailure
  readonly deadLetters: DeadLetters | null

  constructor(name: string, onFailure: OnFailure = 'fail', deadLetters: DeadLetters | null = null) {
    this.name = name
    this.onFailure = onFailure
    this.deadLetters = deadLetters
  }

  add(step: Step, ...from: readonly PlanNode[]): PlanNode {
    const node: PlanNode = { id: this.nodes.length, step, from: from.map(n => n.id) }
    this.nodes.push(node)
    return node
  }
}
