import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { Counter, TaskContext, TimedOperator } from './operator.ts'
import type { FlowRecord } from './record.ts'
import { stampHeaders, withStamp } from './stamp.ts'
import { idleStamp } from './time.ts'

const nothing = Buffer.alloc(0)

export interface RepartitionOptions {
  readonly name: string
  readonly key: Serde<any>
  readonly value: Serde<any>
  /** Wall time without a record after which this partition is left out of the time downstream; 0: never. */
  readonly idleMs: number
  /** Markers for downstream partitions that got nothing are written at most this often. */
  readonly markerEveryMs: number
}

/** Which of the tasks that write the topic this one is. */
export interface Upstream {
  readonly index: number
  readonly count: number
}

/**
 * The way out to a repartition topic: each record goes to the partition of its key, with a stamp that says which
 * upstream
 * partition sent it and the highest timestamp that this one has sent so far. Downstream partitions that got nothing
 * hear of the time by markers. With one upstream partition there are neither.
 */
export class RepartitionSink implements TimedOperator {
  readonly #options: RepartitionOptions
  readonly #context: TaskContext
  readonly #topic: string
  readonly #partitions: number
  readonly #nullKey: Counter
  readonly #stamped: boolean
  readonly #upstream: number
  readonly #reached: Uint8Array
  /** The last stamp that each downstream partition was given. */
  readonly #told: Float64Array
  readonly #buffers: (PartitionBuffer | undefined)[] = []
  #highest = -1
  #lastSentMs: number
  #lastMarkersMs = -Infinity
  #idle = false

  constructor(options: RepartitionOptions, context: TaskContext, upstream: Upstream) {
    this.#options = options
    this.#context = context
    this.#topic = context.repartitionTopic(options.name)
    this.#partitions = context.partitions(this.#topic)
    this.#nullKey = context.dropped(options.name, 'null-key')
    this.#upstream = upstream.index
    this.#stamped = upstream.count > 1
    this.#reached = new Uint8Array(this.#partitions)
    this.#told = new Float64Array(this.#partitions).fill(-1)
    this.#lastSentMs = context.monotonic()
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    record.encodeKey()
    const { keyBytes, keyStart, keyEnd, timestamp } = record
    const writer = this.#context.valueWriter
    writer.reset()
    const isNull = record.value === null || record.value === undefined
    if (!isNull) this.#options.value.write(record.value, writer)
    const partition = this.#context.partitionOf(keyBytes, keyStart, keyEnd, this.#partitions)
    let headers = record.headersBytes
    let headersStart = record.headersStart
    let headersEnd = record.headersEnd
    if (this.#stamped) {
      if (timestamp > this.#highest) this.#highest = timestamp
      headers = withStamp(headers, headersStart, headersEnd, this.#upstream, this.#highest)
      headersStart = 0
      headersEnd = headers.length
      this.#reached[partition] = 1
      this.#told[partition] = this.#highest
    }
    this.#buffer(partition).append(
      timestamp,
      keyBytes,
      keyStart,
      keyEnd,
      isNull ? null : writer.bytes,
      0,
      writer.length,
      headers,
      headersStart,
      headersEnd,
    )
  }

  onCommit(): void {
    if (!this.#stamped) return
    const now = this.#context.monotonic()
    if (this.#reached.includes(1)) {
      this.#lastSentMs = now
      this.#idle = false
    }
    if (now - this.#lastMarkersMs >= this.#options.markerEveryMs) {
      this.#lastMarkersMs = now
      for (let partition = 0; partition < this.#partitions; partition++) {
        if (this.#reached[partition] === 0 && this.#told[partition]! < this.#highest)
          this.#mark(partition, this.#highest)
      }
    }
    this.#reached.fill(0)
    const { idleMs } = this.#options
    if (idleMs > 0 && !this.#idle && now - this.#lastSentMs >= idleMs) {
      this.#idle = true
      for (let partition = 0; partition < this.#partitions; partition++) this.#mark(partition, idleStamp)
    }
  }

  /** The last word: nothing comes any more. Also said by a single upstream partition. */
  onEnd(): void {
    for (let partition = 0; partition < this.#partitions; partition++) this.#mark(partition, Infinity)
  }

  /** Whether `onCommit` may have something to say although no record came: an idle marker is due. */
  get wantsCommit(): boolean {
    if (!this.#stamped || this.#idle || this.#options.idleMs === 0) return false
    return this.#context.monotonic() - this.#lastSentMs >= this.#options.idleMs
  }

  #buffer(partition: number): PartitionBuffer {
    return (this.#buffers[partition] ??= this.#context.buffer(this.#topic, partition))
  }

  #mark(partition: number, stamp: number): void {
    if (stamp !== idleStamp) this.#told[partition] = stamp
    const headers = stampHeaders(this.#upstream, stamp)
    const timestamp = Math.max(0, this.#highest)
    this.#buffer(partition).append(timestamp, null, 0, 0, nothing, 0, 0, headers, 0, headers.length)
  }
}
