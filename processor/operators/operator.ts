import type { ByteWriter } from '../../schemas/bytes.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { TaskState } from '../state/task-state.ts'
import type { AlignedTime } from './time.ts'
import type { FlowRecord } from './record.ts'

/**
 * One step of a running task. It is synchronous: `process` is done with the record, and all steps below are too, when
 * it
 * returns. It throws when the record cannot be processed; the task's edge decides what then happens.
 */
export interface Operator {
  process(record: FlowRecord): void
}

/** A step that does something besides taking records. The task calls these between records. */
export interface TimedOperator extends Operator {
  /** The time behind a repartition topic moved: windows may be closed now. */
  onTime?(): void
  /** The transaction is about to end: what is held back until then goes out. */
  onCommit?(): void
  /** The input has ended for good: every window closes. */
  onEnd?(): void
  close?(): void
  /** `onCommit` has something to say although no record came. */
  readonly wantsCommit?: boolean
}

/** Counts what happened; goes back to `committed` when the transaction in which it happened is aborted. */
export interface Counter {
  value: number
  /** As of the transaction that is being committed. */
  frozen: number
  committed: number
}

export const newCounter = (): Counter => ({ value: 0, frozen: 0, committed: 0 })

/** Why a record (or a window's part of it) was not taken. Bounded: a metric's label. */
export type DropReason =
  | 'null-key'
  | 'null-value'
  | 'bad-timestamp'
  | 'late'
  | 'late-windows'
  | 'expired-writes'
  | 'no-partition'

/** What the operators of one task are given. */
export interface TaskContext {
  readonly partition: number
  readonly state: TaskState
  /** Time behind a repartition topic with several upstream partitions; null: each operator has its own. */
  readonly aligned: AlignedTime | null
  /** Partitions of a topic, internal ones by their full name. */
  partitions(topic: string): number
  /** The full name of a repartition topic. */
  repartitionTopic(name: string): string
  buffer(topic: string, partition: number): PartitionBuffer
  /** Kafka's default partitioner over the key's bytes. */
  partitionOf(key: Uint8Array, start: number, end: number, partitions: number): number
  /** Counts drops of one step. */
  dropped(step: string, reason: DropReason): Counter
  /** A count of the user's own. */
  counter(name: string): Counter
  /** Highest timestamp taken by the task. */
  streamTime(): number
  /** Milliseconds, for throttling markers only. */
  monotonic(): number
  schedule(everyMs: number, clock: 'stream' | 'wall', fn: (timeMs: number) => void): () => void
  /** Shared by sinks: the bytes of the value that is being written. */
  readonly valueWriter: ByteWriter
}

class FanOut implements Operator {
  readonly #children: readonly Operator[]

  constructor(children: readonly Operator[]) {
    this.#children = children
  }

  process(record: FlowRecord): void {
    for (const child of this.#children) child.process(record)
  }
}

const end: Operator = { process: () => undefined }

/** The next step: one, none, or several in the order in which they were defined. */
export function outputTo(children: readonly Operator[]): Operator {
  return children.length === 0 ? end : children.length === 1 ? children[0]! : new FanOut(children)
}
