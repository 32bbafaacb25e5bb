import { flagshipTopics } from '../processor/cli/flagship.ts'
import { type EmbeddedBroker, embeddedBroker } from '../processor/embedded/broker.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import type { Kafka, World } from '../processor/ports.ts'
import { PortCarrier } from '../producer/port-carrier.ts'
import { EmissionSink } from '../producer/sink.ts'
import { payments } from '../schemas/payments/topics.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import type { Registry } from '../schemas/registry.ts'

/** Kafka and a schema registry in this process. */
export interface Embedded {
  readonly broker: EmbeddedBroker
  readonly kafka: Kafka
  readonly registry: Registry
  readonly partitions: number
  close(): Promise<void>
}

export async function openEmbedded(world: World, partitions: number): Promise<Embedded> {
  const broker = embeddedBroker({ world })
  const kafka = nativeKafka({ transport: broker.transport(), world, clientId: 'millrace' })
  await kafka.connect()
  await kafka.admin().createTopics(flagshipTopics({ live: false, partitions }))
  return {
    broker,
    kafka,
    registry: memoryRegistry(),
    partitions,
    async close() {
      await kafka.close()
      broker.close()
    },
  }
}

/** What takes payments to the embedded broker. */
export async function openSink({ kafka, registry, partitions }: Embedded): Promise<EmissionSink> {
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 60_000 })
  await producer.init()
  const carrier = new PortCarrier({ producer, payments: { name: payments.name, partitions }, partitionOf })
  const payment = await payments.value.bind!({ topic: payments.name, part: 'value', writes: true, registry })
  return new EmissionSink({ carrier, payment })
}
