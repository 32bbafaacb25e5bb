import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Compiled } from '../../topology/compiled.ts'
import type { Failure } from '../../topology/plan.ts'
import { AppError } from '../errors.ts'
import type { Producer } from '../ports.ts'
import type { AppTopics } from './topics.ts'

export interface RejectOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly producer: Pick<Producer, 'buffer'>
  readonly partitionOf: (key: Uint8Array, start: number, end: number, partitions: number) => number
}

/**
 * What is done with a record that cannot be processed, by the topology's policy. `dead-letter` writes it in the
 * transaction of its offset, so that it is in the input or in the dead letters, never in neither.
 */
export function rejecter(options: RejectOptions): (failure: Failure, cause: unknown) => void {
  const { compiled, topics, producer, partitionOf } = options
  const { onFailure, deadLetters } = compiled
  if (onFailure === 'fail') {
    return (failure, cause) => {
      const place = { topic: failure.topic, partition: failure.partition, offset: failure.offset }
      throw new AppError('DECODE', `A record is refused with ${failure.code}: ${failure.message}`, { place, cause })
    }
  }
  if (onFailure === 'skip') return () => undefined
  if (deadLetters === null) {
    throw new AppError(
      'TOPOLOGY',
      "The policy 'dead-letter' needs a topic. Give the topology 'deadLetters', or choose 'skip' or 'fail'.",
    )
  }
  const key = new ByteWriter(256)
  const value = new ByteWriter(4096)
  const { topic, value: valueOf } = deadLetters
  return failure => {
    key.reset()
    value.reset()
    if (failure.key !== null) key.raw(failure.key)
    topic.value.write(valueOf(failure), value)
    const partitions = topics.partitions(topic.name)
    const partition =
      failure.key === null ? failure.partition % partitions : partitionOf(key.bytes, 0, key.length, partitions)
    producer
      .buffer(topic.name, partition)
      .append(
        failure.timestamp,
        failure.key === null ? null : key.bytes,
        0,
        key.length,
        value.bytes,
        0,
        value.length,
        Buffer.alloc(0),
        0,
        0,
      )
  }
}
