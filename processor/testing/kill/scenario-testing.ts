import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connectKafka } from '../../../producer/kafka.ts'
import { pump } from '../../../producer/pump.ts'
import { EmissionSink } from '../../../producer/sink.ts'
import type { Registry } from '../../../schemas/registry.ts'
import { compile } from '../../../topology/compile.ts'
import { changelogTopic, repartitionTopic } from '../../../topology/names.ts'
import type { BrokerAddress, Kafka, World } from '../../ports.ts'
import { bind, createTopics, flagship, type FlagshipTopics, PlacedFeed } from '../flagship-testing.ts'
import { partitionsOf, TopicReader, type TopicRows } from '../read-rows.ts'
import { Victim } from './run-victim.ts'
import type { Moment, OpenedStore } from './victim-protocol.ts'

/** One life of the victim: how it dies, and what happens to its state then. */
export interface Death {
  /** The kill point of RELIABILITY.md. */
  readonly point: string
  readonly kill: Moment
  /** It sends itself SIGTERM before. */
  readonly terminate?: Moment
  readonly deletesState?: boolean
}

/** What a life of the victim found when it started. */
export interface Start {
  readonly opened: readonly OpenedStore[]
  readonly restoredRecords: number
  /** Ends of the changelogs before it started, by topic and partition. */
  readonly changelogEnds: ReadonlyMap<string, number>
}

export interface ScenarioOptions {
  readonly kafka: Kafka
  readonly brokers: readonly BrokerAddress[]
  readonly registry: Registry
  readonly registryUrl: string
  readonly world: World
  /** For topics and the application: no one else's. */
  readonly name: string
  readonly partitions: number
  readonly ratePerSecond: number
  readonly stateFolder: string
  readonly deaths: readonly Death[]
}

export interface Scenario {
  readonly topics: FlagshipTopics
  readonly application: string
  readonly changelogs: readonly string[]
  readonly repartitions: readonly string[]
  readonly placed: PlacedFeed['placed']
  /** One for each death, and one for the life that came to the end of the input. */
  readonly starts: readonly Start[]
  /** What a reader saw who was there all the time. */
  readonly seen: ReadonlyMap<string, TopicRows>
}

const instance = 'victim'
const patienceMs = 60_000

/** Payments flow while the victim dies its deaths; then the input ends, and its last life comes to the end of it. */
export async function runScenario(options: ScenarioOptions): Promise<Scenario> {
  const { kafka, name, partitions, deaths } = options
  const topics = await createTopics(kafka, `${name}-`, partitions)
  const { subTopologies, repartitions } = compile(flagship(`${name}-`))
  const application = `${name}-app`
  const stores = subTopologies.flatMap(part => part.stores.map(store => store.name))
  const changelogs = stores.map(store => changelogTopic(application, store))
  const feed = await PlacedFeed.millrace({ seed: 11, customers: 2000 }, null, topics.payments.name, partitions)
  const outputs = [topics.alerts, topics.analytics, topics.rejected, topics.late].map(topic => topic.name)
  const reader = (await TopicReader.open(kafka, outputs, 'read_committed')).start()
  const producing = produce(feed, topics, options)
  try {
    const starts: Start[] = []
    try {
      for (const death of deaths) starts.push(await live(death, application, changelogs, options))
    } finally {
      feed.end()
      await producing
    }
    starts.push(await live(null, application, changelogs, options))
    return {
      topics,
      application,
      changelogs,
      repartitions: repartitions.map(repartition => repartitionTopic(application, repartition.name)),
      placed: feed.placed,
      starts,
      seen: await reader.finish(kafka, 'read_committed'),
    }
  } finally {
    await reader.close()
  }
}

async function produce(feed: PlacedFeed, topics: FlagshipTopics, options: ScenarioOptions): Promise<void> {
  const { brokers, registry, world, ratePerSecond } = options
  const addresses = brokers.map(({ host, port }) => `${host}:${port}`)
  const { clock, scheduler, log } = world
  const carrier = await connectKafka({ brokers: addresses, payments: topics.payments.name, labels: null, log })
  const sink = new EmissionSink({ carrier, payment: await bind(topics.payments, registry) })
  await pump({ feed, sink, clock, scheduler, ratePerSecond, endMarks: true })
  await sink.close()
}

/** From a start to a death; `death` null: to the end of the input, and a stop in good order. */
async function live(
  death: Death | null,
  application: string,
  changelogs: readonly string[],
  options: ScenarioOptions,
): Promise<Start> {
  const { brokers, registryUrl, name, stateFolder, world } = options
  const changelogEnds = await endsOf(options.kafka, changelogs)
  const victim = new Victim(
    {
      brokers,
      registryUrl,
      prefix: `${name}-`,
      application,
      instance,
      stateFolder,
      commitIntervalMs: 1000,
      sendBytes: 0,
      terminate: death?.terminate ?? null,
      kill: death?.kill ?? null,
    },
    world.scheduler,
  )
  const { restoredRecords } = await victim.until('running', patienceMs)
  if (death === null) {
    await victim.until('ended', patienceMs)
    victim.signal('SIGTERM')
  }
  const end = await victim.untilEnd(patienceMs)
  const last = victim.reports.at(-1)
  const isRight =
    death === null
      ? end.code === 0 && last?.kind === 'stopped'
      : end.signal === 'SIGKILL' && last?.kind === 'step' && last.step === death.kill.step
  if (!isRight) {
    throw new Error(`The life until ${death?.point ?? 'the end'} is void: ${JSON.stringify(end)}\n${victim.tail()}`)
  }
  if (death?.deletesState === true) rmSync(join(stateFolder, instance), { recursive: true })
  const opened = victim.reports.flatMap(report => (report.kind === 'opened' ? [report.opened] : []))
  return { opened, restoredRecords, changelogEnds }
}

async function endsOf(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const existing = await kafka.admin().topics(topics)
  if (existing.size < topics.length) return new Map()
  const partitions = (await Promise.all(topics.map(topic => partitionsOf(kafka, topic)))).flat()
  const ends = await kafka.admin().offsets(partitions, 'latest', 'read_uncommitted')
  return new Map(ends.map(({ topic, partition, offset }) => [`${topic} ${partition}`, offset]))
}
