import type { Buffer } from 'node:buffer'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { TimestampOf } from '../../topology/plan.ts'
import type { RecordColumns } from '../ports.ts'
import { decodeHeaders } from '../../schemas/headers.ts'
import type { Counter, Operator, TaskContext, TimedOperator } from './operator.ts'
import type { FlowRecord } from './record.ts'
import { readStamp, withoutStamp } from './stamp.ts'
import type { AlignedTime } from './time.ts'

/** What became of a fetched row. */
export type Taken = 'record' | 'dropped' | 'end'

/** The way in: turns a fetched row into the task's record and passes it on. */
export interface Source {
  readonly topic: string
  /**
   * Decodes and forwards the row. `partitionTime` is the highest timestamp taken before. Throws what serdes and user
   * code throw.
   */
  take(record: FlowRecord, columns: RecordColumns, row: number, partitionTime: number): Taken
}

export interface TopicSourceOptions {
  readonly topic: string
  readonly key: Serde<any>
  readonly value: Serde<any>
  readonly timestamp: TimestampOf | null
}

/** A topic of the user. */
export class TopicSource implements Source {
  readonly topic: string
  readonly #options: TopicSourceOptions
  readonly #partition: number
  readonly #out: Operator
  readonly #badTimestamp: Counter

  constructor(options: TopicSourceOptions, context: TaskContext, out: Operator) {
    this.topic = options.topic
    this.#options = options
    this.#partition = context.partition
    this.#out = out
    this.#badTimestamp = context.dropped(options.topic, 'bad-timestamp')
  }

  take(record: FlowRecord, columns: RecordColumns, row: number, partitionTime: number): Taken {
    record.setOrigin(this.topic, this.#partition, columns, row)
    record.isFlowing = false
    const bytes = columns.buffers[columns.buffer[row]!]!
    const valueStart = columns.valueStart[row]!
    if (valueStart < 0 && isEndOfInput(record)) return 'end'
    record.setKeyBytes(bytes, columns.keyStart[row]!, columns.keyEnd[row]!, this.#options.key)
    record.value = valueStart < 0 ? null : this.#options.value.read(bytes, valueStart, columns.valueEnd[row]!)
    const { timestamp } = this.#options
    record.timestamp =
      timestamp === null
        ? columns.timestamp[row]!
        : timestamp(record.value, record.key, columns.timestamp[row]!, partitionTime)
    // Also what is no number.
    if (!(record.timestamp >= 0)) {
      this.#badTimestamp.value++
      return 'dropped'
    }
    record.sourceTimestamp = record.timestamp
    record.isFlowing = true
    this.#out.process(record)
    return 'record'
  }
}

function isEndOfInput(record: FlowRecord): boolean {
  return holdsEnd(record.headersBytes, record.headersStart, record.headersEnd)
}

function holdsEnd(bytes: Buffer, start: number, end: number): boolean {
  return end - start > 1 && decodeHeaders(bytes, start, end).some(header => header.name === endOfInputHeader)
}

/** Whether the fetched row says that its partition ends, in a topic of the user or in a repartition topic. */
export function isEndMark(columns: RecordColumns, row: number): boolean {
  if (columns.keyStart[row]! >= 0) return false
  const bytes = columns.buffers[columns.buffer[row]!]!
  const [start, end] = [columns.headersStart[row]!, columns.headersEnd[row]!]
  return (
    readStamp(bytes, start, end)?.time === Infinity || (columns.valueStart[row]! < 0 && holdsEnd(bytes, start, end))
  )
}

/** A repartition topic: takes the stamps off the records, and moves the time behind it. */
export class RepartitionSource implements Source {
  readonly topic: string
  readonly #key: Serde<any>
  readonly #value: Serde<any>
  readonly #partition: number
  readonly #aligned: AlignedTime | null
  readonly #timed: readonly TimedOperator[]
  readonly #out: Operator

  /** `timed` are the task's operators that act on time; filled by the builder after this is made. */
  constructor(
    options: { topic: string; key: Serde<any>; value: Serde<any>; timed: readonly TimedOperator[] },
    context: TaskContext,
    out: Operator,
  ) {
    this.topic = options.topic
    this.#key = options.key
    this.#value = options.value
    this.#timed = options.timed
    this.#partition = context.partition
    this.#aligned = context.aligned
    this.#out = out
  }

  take(record: FlowRecord, columns: RecordColumns, row: number): Taken {
    record.setOrigin(this.topic, this.#partition, columns, row)
    record.isFlowing = false
    const stamp = readStamp(record.headersBytes, record.headersStart, record.headersEnd)
    if (stamp !== null) {
      if (this.#aligned?.mark(stamp.upstream, stamp.time) === true) this.#moveTime(record)
      if (columns.keyStart[row]! < 0) return this.#ended(stamp.time) ? 'end' : 'dropped'
      record.headersBytes = withoutStamp(record.headersBytes, record.headersStart, record.headersEnd)
      record.headersStart = 0
      record.headersEnd = record.headersBytes.length
    }
    const bytes = columns.buffers[columns.buffer[row]!]!
    record.setKeyBytes(bytes, columns.keyStart[row]!, columns.keyEnd[row]!, this.#key)
    const valueStart = columns.valueStart[row]!
    record.value = valueStart < 0 ? null : this.#value.read(bytes, valueStart, columns.valueEnd[row]!)
    record.timestamp = columns.timestamp[row]!
    record.sourceTimestamp = record.timestamp
    record.isFlowing = true
    this.#out.process(record)
    return 'record'
  }

  /** What throws on the way leaves effects behind, as if the record had caused them. */
  #moveTime(record: FlowRecord): void {
    record.isFlowing = true
    for (const operator of this.#timed) operator.onTime?.()
    record.isFlowing = false
  }

  #ended(time: number): boolean {
    return this.#aligned === null ? time === Infinity : this.#aligned.now === Infinity
  }
}
