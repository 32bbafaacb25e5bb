import { embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import type { Kafka, World } from '../ports.ts'

/** Runs `act` with a client of an embedded broker of its own. */
export async function onEmbedded<T>(world: World, act: (kafka: Kafka) => Promise<T>): Promise<T> {
  const broker = embeddedBroker({ world })
  const kafka = nativeKafka({ transport: broker.transport(), world, clientId: 'test' })
  await kafka.connect()
  try {
    return await act(kafka)
  } finally {
    await kafka.close()
    broker.close()
  }
}
