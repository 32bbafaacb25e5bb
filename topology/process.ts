import type { Buffer } from 'node:buffer'
import type { KeyValueState, LogState, StateSpec, WindowState } from './state.ts'

/** Where a record came from. Valid during the call only: the same object is used for the next record. */
export interface RecordMeta {
  /** Event time, milliseconds. */
  readonly timestamp: number
  /** Of the source record that this one derives from. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The Kafka record's own timestamp (ingestion time). */
  readonly recordTimestamp: number
  /**
   * The source record's original bytes. They never change, but are a view of all that was fetched with them: copy what
   * you keep for long.
   */
  rawKey(): Buffer | null
  rawValue(): Buffer | null
  headers(): readonly { readonly name: string; readonly value: Buffer | null }[]
}

/** A record as `process` sees it. Valid during the call only. */
export interface InputRecord<K, V> extends RecordMeta {
  readonly key: K
  readonly value: V
}

/** What a processor may do. Made once for each task. */
export interface ProcessorContext<S extends Record<string, StateSpec>, K2, V2> {
  readonly taskPartition: number
  store<N extends keyof S>(name: N): StateOf<S[N]>
  /** Sends a record to the next steps, which are done with it when this returns. */
  forward(key: K2, value: V2, timestamp: number): void
  /**
   * Calls `fn` between records: on stream time at multiples of `everyMs` (missed ones collapse into one call, which
   * gets the current stream time), on wall time every `everyMs`. Answers a function that cancels it. What `fn` throws
   * ends the application, whatever `onFailure` says: there is no record to reject.
   */
  schedule(everyMs: number, clock: 'stream' | 'wall', fn: (timeMs: number) => void): () => void
  /** Highest timestamp taken by this task, the current record's included; -1 before the first one. */
  streamTime(): number
  /**
   * A count of this task by its name, for metrics. It follows the transaction: what an aborted one added is taken back.
   * Keep the answer, and add to its `value`.
   */
  counter(name: string): { value: number }
}

export interface ProcessorInstance<K, V> {
  process(record: InputRecord<K, V>): void
  close?(): void
}

export type StateOf<S extends StateSpec> = S extends { kind: 'keyValue'; __k?: infer K; __v?: infer V }
  ? KeyValueState<K, V>
  : S extends { kind: 'window'; __k?: infer K; __v?: infer V }
    ? WindowState<K, V>
    : S extends { kind: 'log'; __k?: infer K; __v?: infer V }
      ? LogState<K, V>
      : never
