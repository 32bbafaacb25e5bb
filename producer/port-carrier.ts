import { Buffer } from 'node:buffer'
import type { PartitionBuffer, Producer } from '../processor/ports.ts'
import { endOfInputHeader } from '../schemas/end-of-input.ts'
import { encodeHeaders } from '../schemas/headers.ts'
import type { Carrier, OutgoingRecord } from './sink.ts'

/** A topic to be written to. */
export interface CarriedTopic {
  readonly name: string
  readonly partitions: number
}

export interface PortCarrierOptions {
  /** Idempotent, without a transactional id; `init` was called. Closed with the carrier. */
  readonly producer: Producer
  readonly payments: CarriedTopic
  /** Needed only for a sink that sends labels. */
  readonly labels?: CarriedTopic
  /** The partition of a key `[start, end)`: murmur2, as Java's producer does it. */
  readonly partitionOf: (bytes: Uint8Array, start: number, end: number, partitions: number) => number
}

/** Carries records through the engine's own client: to the embedded broker, or to real Kafka. */
export class PortCarrier implements Carrier {
  readonly #producer: Producer
  readonly #partitionOf: PortCarrierOptions['partitionOf']
  readonly #payments: readonly PartitionBuffer[]
  readonly #labels: readonly PartitionBuffer[]

  constructor({ producer, payments, labels, partitionOf }: PortCarrierOptions) {
    this.#producer = producer
    this.#partitionOf = partitionOf
    this.#payments = buffersOf(producer, payments)
    this.#labels = labels === undefined ? [] : buffersOf(producer, labels)
  }

  append({ topic, timestamp, key, value, partitionHint }: OutgoingRecord): void {
    const buffers = topic === 'payments' ? this.#payments : this.#labels
    if (buffers.length === 0) throw new Error('Labels cannot be sent: the carrier was made without their topic.')
    const partition =
      key === null ? partitionHint % buffers.length : this.#partitionOf(key.bytes, 0, key.length, buffers.length)
    buffers[partition]!.append(
      timestamp,
      key?.bytes ?? null,
      0,
      key?.length ?? 0,
      value?.bytes ?? null,
      0,
      value?.length ?? 0,
      null,
      0,
      0,
    )
  }

  appendEndMarks(timestamp: number): void {
    for (const buffer of this.#payments) {
      buffer.append(timestamp, null, 0, 0, null, 0, 0, endMarkHeaders, 0, endMarkHeaders.length)
    }
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}

const buffersOf = (producer: Producer, { name, partitions }: CarriedTopic): PartitionBuffer[] =>
  Array.from({ length: partitions }, (_, partition) => producer.buffer(name, partition))

const endMarkHeaders = encodeHeaders([{ name: endOfInputHeader, value: Buffer.alloc(0) }])
