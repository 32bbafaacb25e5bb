import { analytics, fraudAlerts, payments, paymentsLate, paymentsRejected } from '../schemas/payments/topics.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import type { Registry } from '../schemas/registry.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { tcpTransport } from '../processor/kafka/native/tcp.ts'
import type { Kafka, World } from '../processor/ports.ts'
import type { ThreadFunction } from '../processor/threads/context.ts'

export interface FlagshipBench {
  readonly brokers: string
  readonly application: string
  readonly commitIntervalMs: number
  readonly cacheBytes: number
}

/** Schema ids are the process's own, and the same in all: they register in this order. */
export async function benchRegistry(): Promise<Registry> {
  const registry = memoryRegistry()
  for (const topic of [payments, paymentsRejected, paymentsLate, fraudAlerts, analytics])
    await topic.value.bind?.({ topic: topic.name, part: 'value', writes: true, registry })
  return registry
}

export function benchKafka(brokers: string, world: World): Kafka {
  const [host, port] = brokers.split(':')
  const transport = tcpTransport({ bootstrap: [{ host: host!, port: Number(port) }] })
  return nativeKafka({ transport, world, clientId: 'bench-flagship' })
}

/** The flagship over the payments that `flagship.ts load` has left, in one thread of several. */
export const thread: ThreadFunction<FlagshipBench> = async ({ data, world }) => ({
  topology: fraudTopology(),
  application: data.application,
  kafka: benchKafka(data.brokers, world),
  registry: await benchRegistry(),
  partitionOf,
  commitIntervalMs: data.commitIntervalMs,
  cacheBytes: data.cacheBytes,
})
