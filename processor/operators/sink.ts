import type { Topic } from '../../schemas/topic.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'

/** Writes to a topic of the user: the partition of the key's bytes, the record's timestamp and headers. */
export class Sink implements Operator {
  readonly #topic: Topic<any, any>
  readonly #context: TaskContext
  readonly #partitions: number
  /** Where records without a key go: the task's own number, so that it does not depend on chance. */
  readonly #keyless: number
  readonly #buffers: (PartitionBuffer | undefined)[] = []

  constructor(topic: Topic<any, any>, context: TaskContext) {
    this.#topic = topic
    this.#context = context
    this.#partitions = context.partitions(topic.name)
    this.#keyless = context.partition % this.#partitions
  }

  process(record: FlowRecord): void {
    const context = this.#context
    const writer = context.valueWriter
    writer.reset()
    const isNull = record.value === null || record.value === undefined
    if (!isNull) this.#topic.value.write(record.value, writer)
    let partition = this.#keyless
    if (!record.keyIsNull) {
      record.encodeKey()
      partition = context.partitionOf(record.keyBytes, record.keyStart, record.keyEnd, this.#partitions)
    }
    const buffer = (this.#buffers[partition] ??= context.buffer(this.#topic.name, partition))
    buffer.append(
      record.timestamp,
      record.keyIsNull ? null : record.keyBytes,
      record.keyStart,
      record.keyEnd,
      isNull ? null : writer.bytes,
      0,
      writer.length,
      record.headersBytes,
      record.headersStart,
      record.headersEnd,
    )
  }
}
