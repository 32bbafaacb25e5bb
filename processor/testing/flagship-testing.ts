import { Buffer } from 'node:buffer'
import type { Emission, Feed } from '../../producer/emission.ts'
import { createFeed } from '../../producer/feed.ts'
import { PortCarrier } from '../../producer/port-carrier.ts'
import type { MillraceOptions } from '../../producer/profiles/millrace.ts'
import { pump } from '../../producer/pump.ts'
import { EmissionSink } from '../../producer/sink.ts'
import { analytics, fraudAlerts, payments, paymentsLate, paymentsRejected } from '../../schemas/payments/topics.ts'
import type { Registry } from '../../schemas/registry.ts'
import type { Topic } from '../../schemas/topic.ts'
import { topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import { internalTopics } from '../../topology/names.ts'
import type { Emission as Placed } from '../../topology/fraud/oracle/emission.ts'
import { fraudTopology } from '../../topology/fraud/topology.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Kafka, World } from '../ports.ts'
import { renamed } from './renamed.ts'

// The flagship on topics of its own, and what goes into it with the place that each record gets.

export interface FlagshipTopics {
  readonly payments: Topic<any, any>
  readonly alerts: Topic<any, any>
  readonly analytics: Topic<any, any>
  readonly rejected: Topic<any, any>
  readonly late: Topic<any, any>
}

export function topicsOf(prefix: string): FlagshipTopics {
  const other = ({ name, key, value }: Topic<any, any>): Topic<any, any> => topic(prefix + name, key, value)
  return {
    payments: other(payments),
    alerts: other(fraudAlerts),
    analytics: other(analytics),
    rejected: other(paymentsRejected),
    late: other(paymentsLate),
  }
}

export const flagship = (prefix: string): ReturnType<typeof renamed> => renamed(fraudTopology(), name => prefix + name)

/** Nothing is deleted or compacted: the tests look at every record that was ever committed. */
export async function createTopics(kafka: Kafka, prefix: string, partitions: number): Promise<FlagshipTopics> {
  const topics = topicsOf(prefix)
  const configs = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'message.timestamp.type': 'CreateTime' }
  await kafka.admin().createTopics(Object.values(topics).map(({ name }) => ({ name, partitions, configs })))
  return topics
}

/** Deletes all topics of a run, its own and those of the application: the cluster may be another's. */
export async function dropTopics(kafka: Kafka, prefix: string, application: string): Promise<void> {
  const compiled = compile(flagship(prefix))
  const names = [...compiled.inputs, ...compiled.outputs].map(each => each.name)
  const existing = await kafka.admin().topics([...names, ...internalTopics(compiled, application)])
  await kafka.admin().deleteTopics([...existing.keys()])
}

/** What validation says of values that were spoiled: the generator's promise, in the words of FLAGSHIP.md. */
export const damageCodes = {
  TRUNCATED: 'ERR_DECODE',
  MAGIC: 'ERR_FRAME',
  SHORT: 'ERR_FRAME',
  SCHEMA: 'ERR_SCHEMA',
  NULL: 'ERR_EMPTY',
  ZERO: 'ERR_EMPTY',
} as const

/** A feed that remembers where its records go, for the oracle; it ends when it is told to. */
export class PlacedFeed implements Feed {
  readonly name: string
  readonly total: number | null
  readonly placed: Placed[] = []
  readonly #feed: Feed
  readonly #topic: string
  readonly #offsets: number[]
  #hasEnded = false

  constructor(feed: Feed, topicName: string, partitions: number) {
    this.name = feed.name
    this.total = feed.total
    this.#feed = feed
    this.#topic = topicName
    this.#offsets = new Array<number>(partitions).fill(0)
  }

  /** The profile with frauds and bad records; `count` null: until `end`. */
  static async millrace(
    options: MillraceOptions,
    count: number | null,
    topicName: string,
    partitions: number,
  ): Promise<PlacedFeed> {
    return new PlacedFeed(await createFeed({ millrace: options, count }), topicName, partitions)
  }

  end(): void {
    this.#hasEnded = true
  }

  async pull(max: number): Promise<readonly Emission[]> {
    const batch = this.#hasEnded ? [] : await this.#feed.pull(max)
    for (const emission of batch) this.#place(emission)
    return batch
  }

  #place({ key, partitionHint, timestamp, payment, damage }: Emission): void {
    const width = this.#offsets.length
    const bytes = Buffer.from(key ?? '')
    const partition = key === null ? partitionHint % width : partitionOf(bytes, 0, bytes.length, width)
    const at = { topic: this.#topic, partition, offset: this.#offsets[partition]!++ }
    const failure = damage === null ? {} : { failure: damageCodes[damage] }
    this.placed.push({ ...at, key, recordTime: timestamp, payment: damage === null ? payment : null, ...failure })
  }

  close(): Promise<void> {
    return this.#feed.close()
  }
}

export const bind = async (of: Topic<any, any>, registry: Registry) =>
  (await of.value.bind?.({ topic: of.name, part: 'value', writes: true, registry })) ?? of.value

/** Sends a feed, and the marks that end it, through the engine's own client. */
export async function send(
  feed: Feed,
  { kafka, registry, world }: { readonly kafka: Kafka; readonly registry: Registry; readonly world: World },
  { payments: to }: FlagshipTopics,
  options: { readonly ratePerSecond: number | null; readonly endMarks: boolean },
): Promise<void> {
  const { partitions } = (await kafka.admin().topics([to.name])).get(to.name)!
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 60_000 })
  await producer.init()
  const carrier = new PortCarrier({ producer, partitionOf, payments: { name: to.name, partitions } })
  const sink = new EmissionSink({ carrier, payment: await bind(to, registry) })
  const { clock, scheduler } = world
  await pump({ feed, sink, clock, scheduler, ...options })
  await sink.close()
}
