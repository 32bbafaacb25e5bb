import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import { ByteWriter } from '../../schemas/bytes.ts'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Registry } from '../../schemas/registry.ts'
import type { Topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import type { Plan } from '../../topology/plan.ts'
import { type EmbeddedBroker, embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { encodeHeaders } from '../../schemas/headers.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import type { Kafka, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import { type App, type AppOptions, createApp } from '../runtime/app.ts'
import { memoryStores } from '../state/memory.ts'
import { silentLog, systemWorld } from '../world.ts'

// For tests: a topology on an embedded broker, with what goes in and what comes out as plain values.

export interface Input {
  readonly topic: Topic<any, any>
  readonly key: unknown
  /** A Buffer is written as it is. */
  readonly value: unknown
  readonly timestamp: number
  /** Default: by the key. */
  readonly partition?: number
}

export interface Output {
  readonly key: unknown
  readonly value: any
  readonly timestamp: number
  readonly partition: number
  readonly offset: number
}

const empty = Buffer.alloc(0)

export class Harness {
  readonly world: World
  readonly broker: EmbeddedBroker
  readonly kafka: Kafka
  readonly registry: Registry = memoryRegistry()

  constructor(world: World = systemWorld(silentLog)) {
    this.world = world
    this.broker = embeddedBroker({ world })
    this.kafka = nativeKafka({ transport: this.broker.transport(), world, clientId: 'test' })
  }

  /** Creates the input and output topics of a topology. */
  async createTopics(topology: { readonly plan: Plan }, partitions: number, outputs = partitions): Promise<void> {
    await this.kafka.connect()
    const { inputs, outputs: written } = compile(topology)
    await this.kafka
      .admin()
      .createTopics([
        ...inputs.map(({ name }) => ({ name, partitions, configs: { 'retention.ms': '-1' } })),
        ...written.map(({ name }) => ({ name, partitions: outputs, configs: { 'retention.ms': '-1' } })),
      ])
  }

  /** Produces records in order; `end` adds the mark that closes every window to each partition. */
  async produce(inputs: readonly Input[], end: readonly Topic<any, any>[] = []): Promise<void> {
    const producer = this.kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
    await producer.init()
    const counts = new Map<string, number>()
    const admin = this.kafka.admin()
    const names = [...new Set([...inputs.map(input => input.topic), ...end].map(topic => topic.name))]
    for (const [name, { partitions }] of await admin.topics(names)) counts.set(name, partitions)
    const serdes = new Map<Topic<any, any>, { key: Serde<any>; value: Serde<any> }>()
    for (const input of inputs) {
      const { topic, timestamp } = input
      if (!serdes.has(topic))
        serdes.set(topic, { key: await this.bind(topic, 'key'), value: await this.bind(topic, 'value') })
      const { key, value } = serdes.get(topic)!
      const keyBytes = bytesOf(key, input.key)
      const valueBytes = bytesOf(value, input.value)
      const partition =
        input.partition ?? (keyBytes === null ? 0 : partitionOf(keyBytes, 0, keyBytes.length, counts.get(topic.name)!))
      producer
        .buffer(topic.name, partition)
        .append(timestamp, keyBytes, 0, keyBytes?.length ?? 0, valueBytes, 0, valueBytes?.length ?? 0, empty, 0, 0)
    }
    const mark = encodeHeaders([{ name: endOfInputHeader, value: empty }])
    for (const topic of end) {
      for (let partition = 0; partition < counts.get(topic.name)!; partition++) {
        producer.buffer(topic.name, partition).append(0, null, 0, 0, null, 0, 0, mark, 0, mark.length)
      }
    }
    await producer.flush()
    await producer.close()
  }

  bind(topic: Topic<any, any>, part: 'key' | 'value'): Promise<Serde<any>> {
    const serde = topic[part]
    return serde.bind?.({ topic: topic.name, part, writes: true, registry: this.registry }) ?? Promise.resolve(serde)
  }

  /** All records of a topic, by partition and offset. */
  async read(
    topic: Topic<any, any>,
    isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
  ): Promise<Output[]> {
    const admin = this.kafka.admin()
    const { partitions } = (await admin.topics([topic.name])).get(topic.name)!
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic: topic.name, partition }))
    const ends = new Map((await admin.offsets(all, 'latest', isolation)).map(at => [at.partition, at.offset]))
    const [key, value] = [await this.bind(topic, 'key'), await this.bind(topic, 'value')]
    const fetcher = this.kafka.fetcher({ isolation, maxWaitMs: 50 })
    const positions = new Map(all.map(({ partition }) => [partition, 0]))
    fetcher.assign(all.map(at => ({ ...at, offset: 0 })))
    const outputs: Output[] = []
    while ([...ends].some(([partition, end]) => positions.get(partition)! < end)) {
      for (const fetched of await fetcher.poll(200)) {
        positions.set(fetched.partition, fetched.nextOffset)
        const { records } = fetched
        for (let row = 0; row < records.length; row++) {
          const bytes = records.buffers[records.buffer[row]!]!
          const read = (serde: Serde<any>, start: number, stop: number): unknown =>
            start < 0 ? null : serde.read(bytes, start, stop)
          outputs.push({
            key: read(key, records.keyStart[row]!, records.keyEnd[row]!),
            value: read(value, records.valueStart[row]!, records.valueEnd[row]!),
            timestamp: records.timestamp[row]!,
            partition: fetched.partition,
            offset: records.offset[row]!,
          })
        }
      }
    }
    await fetcher.close()
    return outputs.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
  }

  app(topology: { readonly plan: Plan }, options: Partial<AppOptions> = {}): App {
    return createApp(topology, {
      instance: 'test',
      kafka: this.kafka,
      registry: this.registry,
      stores: this.#stores,
      world: this.world,
      partitionOf,
      commitIntervalMs: 20,
      ...options,
    })
  }

  readonly #stores: Stores = memoryStores()

  /** Runs a bounded input to its end. */
  async run(topology: { readonly plan: Plan }, options: Partial<AppOptions> = {}): Promise<App> {
    const app = this.app(topology, options)
    await app.start()
    await app.ended
    await app.stop()
    await app.done
    return app
  }

  async close(): Promise<void> {
    await this.kafka.close()
    this.broker.close()
  }
}

function bytesOf(serde: Serde<any>, value: unknown): Buffer | null {
  if (value === null || Buffer.isBuffer(value)) return value
  const writer = new ByteWriter(256)
  serde.write(value, writer)
  return writer.copy()
}
