import { Kafka, logLevel, Partitioners, type KafkaConfig, type Message, type Producer } from 'kafkajs'
import type { Log } from '../processor/ports.ts'
import { endOfInputHeader } from '../schemas/end-of-input.ts'
import type { Carrier, OutgoingRecord } from './sink.ts'

export interface KafkaCarrierOptions {
  readonly brokers: readonly string[]
  readonly payments: string
  /** null: no labels will be sent. */
  readonly labels: string | null
  readonly log: Log
}

/** A cluster that cannot be used, with what to do about it. */
export class KafkaTargetError extends Error {
  override readonly name = 'KafkaTargetError'
}

/** kafkajs groups the messages of a request by copying lists, which costs the square of their number. */
const requestMessages = 1000

/**
 * Connects to real Kafka through kafkajs: idempotent (until a broker starts again, docs/kafka.md), acknowledged by all
 * replicas, partitioned as Java's producer does it. Rejects with a `KafkaTargetError` when no broker answers or a topic
 * is missing.
 */
export async function connectKafka(options: KafkaCarrierOptions): Promise<Carrier> {
  const { brokers, log } = options
  const config: KafkaConfig = {
    clientId: 'millrace-producer',
    brokers: [...brokers],
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, level, log: { message, ...fields } }) => {
        const { timestamp: _, logger: __, ...rest } = fields
        // A lost connection is retried, and told as an error only when that was in vain.
        if (level >= logLevel.WARN) log.warn({ namespace, ...rest }, String(message))
      },
  }
  // A look at the cluster gives up soon. The producer itself retries for ever, as one that must not lose its order
  // has to.
  const partitions = await inspect(new Kafka({ ...config, retry: { retries: 2 } }), options)
  const producer = new Kafka(config).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  return new KafkaCarrier(producer, options, partitions)
}

/** The numbers of partitions of the topics. */
async function inspect(kafka: Kafka, { brokers, payments, labels }: KafkaCarrierOptions): Promise<Partitions> {
  const admin = kafka.admin()
  const wanted = labels === null ? [payments] : [payments, labels]
  try {
    await admin.connect().catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new KafkaTargetError(
        `No broker answers at ${brokers.join(', ')}: ${why}. Is Kafka running there (npm run up)?`,
        { cause },
      )
    })
    const there = new Set(await admin.listTopics())
    const missing = wanted.filter(topic => !there.has(topic))
    if (missing.length > 0) {
      throw new KafkaTargetError(
        `The topic ${missing.join(' and ')} is missing at ${brokers.join(', ')}. Make it with npm run init.`,
      )
    }
    const { topics } = await admin.fetchTopicMetadata({ topics: wanted })
    const partitionsOf = (name: string | null): number =>
      topics.find(topic => topic.name === name)?.partitions.length ?? 0
    return { payments: partitionsOf(payments), labels: partitionsOf(labels) }
  } finally {
    await admin.disconnect()
  }
}

interface Partitions {
  readonly payments: number
  readonly labels: number
}

class KafkaCarrier implements Carrier {
  readonly #producer: Producer
  readonly #partitions: Partitions
  readonly #messages: Readonly<Record<OutgoingRecord['topic'], { readonly topic: string; readonly waiting: Message[] }>>

  constructor(producer: Producer, { payments, labels }: KafkaCarrierOptions, partitions: Partitions) {
    this.#producer = producer
    this.#partitions = partitions
    this.#messages = {
      payments: { topic: payments, waiting: [] },
      labels: { topic: labels ?? '', waiting: [] },
    }
  }

  append({ topic, timestamp, key, value, partitionHint }: OutgoingRecord): void {
    this.#messages[topic].waiting.push({
      key: key?.copy() ?? null,
      value: value?.copy() ?? null,
      timestamp: String(timestamp),
      // kafkajs would go round all partitions from a random one on.
      ...(key === null ? { partition: partitionHint % this.#partitions[topic] } : {}),
    })
  }

  appendEndMarks(timestamp: number): void {
    for (let partition = 0; partition < this.#partitions.payments; partition++) {
      const headers = { [endOfInputHeader]: '' }
      const mark = { key: null, value: null, timestamp: String(timestamp), partition, headers }
      this.#messages.payments.waiting.push(mark)
    }
  }

  /** One request after the other: the order of each partition is that of `append`. */
  async flush(): Promise<void> {
    for (const { topic, waiting } of Object.values(this.#messages)) {
      while (waiting.length > 0) {
        await this.#producer.send({ topic, acks: -1, messages: waiting.splice(0, requestMessages) })
      }
    }
  }

  close(): Promise<void> {
    return this.#producer.disconnect()
  }
}
