import type { Counter } from '../operators/operator.ts'
import type { FetchedPartition, RecordColumns } from '../ports.ts'
import type { GraphSource } from './graph.ts'

/** The fetched records of one source partition that wait for their task, in offset order. */
export class SourceQueue {
  source: GraphSource
  readonly partition: number
  /** The highest timestamp taken. */
  partitionTime = -1
  /** The offset after the last record taken: what is committed. */
  position: number
  /** The broker has nothing more than what is here. */
  isCaughtUp = false
  /** The partition has said that it ends. */
  hasEnded = false
  #endedFrozen = false
  #endedCommitted = false
  /** Rows that wait. */
  waiting = 0
  /** Offsets between the position and the end of the log, as of the last fetch. */
  lagRecords = 0
  /** Records taken, marks of the end of input left out. */
  readonly taken: Counter
  #batches: FetchedPartition[] = []
  #row = 0

  constructor(source: GraphSource, partition: number, position: number, taken: Counter) {
    this.source = source
    this.partition = partition
    this.position = position
    this.taken = taken
  }

  push(fetched: FetchedPartition): void {
    this.isCaughtUp = fetched.nextOffset >= fetched.lastStableOffset
    this.lagRecords = Math.max(0, fetched.lastStableOffset - fetched.nextOffset)
    this.waiting += fetched.records.length
    if (fetched.records.length === 0 && this.#batches.length === 0)
      this.position = Math.max(this.position, fetched.nextOffset)
    else this.#batches.push(fetched)
  }

  freeze(): void {
    this.#endedFrozen = this.hasEnded
  }

  committed(): void {
    this.#endedCommitted = this.#endedFrozen
  }

  /** Forgets what waits and goes on at `position`, which is the committed one. */
  rewind(position: number): void {
    this.#batches = []
    this.#row = 0
    this.waiting = 0
    this.position = position
    this.isCaughtUp = false
    this.hasEnded = this.#endedCommitted
  }

  get columns(): RecordColumns {
    return this.#batches[0]!.records
  }

  get row(): number {
    return this.#row
  }

  /** The timestamp of the next record; Infinity without one. */
  headTimestamp(): number {
    return this.waiting === 0 ? Infinity : this.columns.timestamp[this.#row]!
  }

  /** The next record was taken. */
  advance(): void {
    const batch = this.#batches[0]!
    this.waiting--
    this.#row++
    if (this.#row < batch.records.length) {
      this.position = batch.records.offset[this.#row - 1]! + 1
      return
    }
    this.#row = 0
    this.position = batch.nextOffset
    this.#batches.shift()
    // Batches of nothing but control or aborted records only move the position.
    while (this.#batches.length > 0 && this.#batches[0]!.records.length === 0) {
      this.position = this.#batches.shift()!.nextOffset
    }
  }
}

/**
 * The queue whose next record has the lowest timestamp; among equal ones the first in order (tables, then by topic
 * name). Null when there is nothing, or when an empty partition may still bring something earlier (max.task.idle.ms 0
 * in Kafka Streams).
 */
export function nextQueue(queues: readonly SourceQueue[]): SourceQueue | null {
  if (queues.length === 1) return queues[0]!.waiting > 0 ? queues[0]! : null
  let best: SourceQueue | null = null
  let lowest = Infinity
  for (const queue of queues) {
    if (queue.waiting === 0) {
      if (!queue.isCaughtUp && !queue.hasEnded) return null
      continue
    }
    const timestamp = queue.headTimestamp()
    if (best === null || timestamp < lowest) {
      best = queue
      lowest = timestamp
    }
  }
  return best
}
