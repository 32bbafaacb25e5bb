import type { Serde } from '../../schemas/serde.ts'
import type { Aggregate } from '../../topology/aggregates.ts'
import { windowPartialSerde } from '../../topology/record.ts'
import type { WindowShape } from '../../topology/windows.ts'
import { Fold, type Folded } from './fold.ts'
import type { Counter, TaskContext, TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { RepartitionSink, type Upstream } from './repartition.ts'

export interface CombineOptions {
  readonly repartition: string
  readonly key: Serde<any>
  readonly window: WindowShape
  readonly spec: Readonly<Record<string, Aggregate<any, any, any>>>
  readonly idleMs: number
  readonly markerEveryMs: number
}

/**
 * Folds records by key and window before the repartition topic, and sends the partial aggregates at each commit: a
 * thousand payments of a minute become one record. It keeps nothing from one transaction to the next.
 */
export class Combine implements TimedOperator {
  readonly #options: CombineOptions
  readonly #fold: Fold
  readonly #sink: RepartitionSink
  readonly #nullKey: Counter
  /** Window start -> key -> partial, in the order of their first records. */
  readonly #windows = new Map<number, Map<unknown, Folded>>()
  readonly #record = new FlowRecord()
  readonly #partition: number

  constructor(options: CombineOptions, context: TaskContext, upstream: Upstream) {
    this.#options = options
    this.#fold = new Fold(options.spec)
    const { repartition, key, idleMs, markerEveryMs } = options
    this.#sink = new RepartitionSink(
      { name: repartition, key, value: windowPartialSerde(options.spec), idleMs, markerEveryMs },
      context,
      upstream,
    )
    this.#nullKey = context.dropped(repartition, 'null-key')
    this.#partition = context.partition
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    const { sizeMs, advanceMs } = this.#options.window
    const { timestamp } = record
    const key: unknown = record.key
    const value: unknown = record.value
    let start = Math.floor(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
    for (; start <= timestamp; start += advanceMs) this.#fold.add(this.#open(start, key), value, timestamp)
  }

  #open(start: number, key: unknown): Folded {
    let keys = this.#windows.get(start)
    if (keys === undefined) {
      keys = new Map()
      this.#windows.set(start, keys)
    }
    let folded = keys.get(key)
    if (folded === undefined) {
      folded = this.#fold.start()
      keys.set(key, folded)
    }
    return folded
  }

  onCommit(): void {
    const record = this.#record
    record.setNoOrigin(this.#partition)
    // By window, so that stamps rise as slowly as they can: a stamp is the highest timestamp sent so far.
    for (const start of [...this.#windows.keys()].toSorted((a, b) => a - b)) {
      for (const [key, folded] of this.#windows.get(start)!) {
        record.setKey(key, this.#options.key)
        record.value = { startMs: start, states: folded.states }
        record.timestamp = folded.timestamp
        this.#sink.process(record)
      }
    }
    this.#windows.clear()
    this.#sink.onCommit()
  }

  get wantsCommit(): boolean {
    return this.#sink.wantsCommit
  }

  onEnd(): void {
    this.onCommit()
    this.#sink.onEnd()
  }
}
