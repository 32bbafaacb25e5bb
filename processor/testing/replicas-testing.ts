import { Buffer } from 'node:buffer'
import { int64 } from '../../schemas/serdes.ts'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Registry } from '../../schemas/registry.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { encodeHeaders } from '../../schemas/headers.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import type { Kafka, World } from '../ports.ts'
import { type App, type AppOptions, createApp } from '../runtime/app.ts'
import type { Stores } from '../state-port.ts'
import { memoryStores } from '../state/memory.ts'
import { keyOf, ledger, type LedgerTopics, partitions } from './ledger-testing.ts'
import { partitionsOf } from './read-rows.ts'

// Several replicas of a small application under load.

/** Payments of one instalment of the load, and the time between two. */
const instalment = 20
const instalmentMs = 20

/** Payments that come steadily: payment i says i, for key i modulo their number. */
export class Load {
  readonly #topics: LedgerTopics
  readonly #kafka: Kafka
  readonly #world: World
  readonly #ending = new AbortController()
  readonly #running: Promise<void>
  /** How many were sent. */
  sent = 0

  constructor(kafka: Kafka, topics: LedgerTopics, world: World) {
    this.#kafka = kafka
    this.#topics = topics
    this.#world = world
    this.#running = this.#run()
  }

  /** Sends the last ones, with the mark of the end in each partition. */
  async end(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const producer = this.#kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
    const { name } = this.#topics.payments
    await producer.init()
    while (!this.#ending.signal.aborted) {
      for (let left = instalment; left > 0; left--) {
        const key = Buffer.from(keyOf(this.sent))
        const writer = new ByteWriter(8)
        int64.write(this.sent, writer)
        const value = writer.copy()
        const partition = partitionOf(key, 0, key.length, partitions)
        producer.buffer(name, partition).append(this.sent++, key, 0, key.length, value, 0, value.length, null, 0, 0)
      }
      await producer.flush()
      await this.#world.scheduler.sleep(instalmentMs, this.#ending.signal)
    }
    const mark = encodeHeaders([{ name: endOfInputHeader, value: Buffer.alloc(0) }])
    for (let partition = 0; partition < partitions; partition++) {
      producer.buffer(name, partition).append(0, null, 0, 0, null, 0, 0, mark, 0, mark.length)
    }
    await producer.flush()
    await producer.close()
  }
}

/** Notices when results of each partition become visible: how long each partition stands still. */
export class Watch {
  readonly #world: World
  readonly #arrivals: number[][] = Array.from({ length: partitions }, () => [])
  readonly #closing = new AbortController()
  readonly #reading: Promise<void>
  readonly #counts = new Map<string, number>()

  constructor(kafka: Kafka, topics: LedgerTopics, world: World) {
    this.#world = world
    this.#reading = this.#read(kafka, [topics.totals.name, topics.byGroup.name])
  }

  /** Payments whose results have all been seen. */
  get total(): number {
    return Math.min(...this.#counts.values())
  }

  now(): number {
    return this.#world.clock.monotonic()
  }

  /** The longest time without a result, by partition, in which a part of [fromMs, toMs] lies. */
  gaps(fromMs: number, toMs: number): number[] {
    return this.#arrivals.map(times => {
      let longest = 0
      for (const [index, at] of [...times, toMs].entries()) {
        const before = index === 0 ? fromMs : times[index - 1]!
        if (at > fromMs && before < toMs) longest = Math.max(longest, Math.min(at, toMs) - before)
      }
      return longest
    })
  }

  /** Waits until every partition has brought something new. */
  async flows(): Promise<void> {
    const before = this.#arrivals.map(times => times.length)
    while (!this.#arrivals.every((times, at) => times.length > before[at]!)) await this.#world.scheduler.sleep(10)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reading
  }

  async #read(kafka: Kafka, names: readonly string[]): Promise<void> {
    for (const name of names) this.#counts.set(name, 0)
    const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 20 })
    const all = (await Promise.all(names.map(name => partitionsOf(kafka, name)))).flat()
    fetcher.assign(all.map(at => ({ ...at, offset: 0 })))
    while (!this.#closing.signal.aborted) {
      for (const { topic, partition, records } of await fetcher.poll(20)) {
        if (records.length > 0 && topic === names[0]) this.#arrivals[partition]!.push(this.now())
        this.#counts.set(topic, this.#counts.get(topic)! + records.length)
      }
    }
    await fetcher.close()
  }
}

export interface ReplicasOptions {
  /** A client for a replica. */
  readonly connect: (replica: string) => Promise<Kafka>
  readonly registry: Registry
  readonly world: World
  readonly topics: LedgerTopics
  readonly application: string
  readonly settings?: Partial<AppOptions>
}

interface Replica {
  readonly app: App
  readonly kafka: Kafka
}

/** Replicas of the application, each with a client and a disk of its own. */
export class Replicas {
  readonly #options: ReplicasOptions
  readonly #running = new Map<string, Replica>()
  readonly #disks = new Map<string, Stores>()

  constructor(options: ReplicasOptions) {
    this.#options = options
  }

  get(name: string): App {
    return this.#running.get(name)!.app
  }

  names(): string[] {
    return [...this.#running.keys()]
  }

  /** Resolves when it processes records. */
  async start(name: string, options: Partial<AppOptions> = {}, version = ledger): Promise<App> {
    const { connect, registry, world, topics, application, settings } = this.#options
    const kafka = await connect(name)
    const stores = this.#disks.get(name) ?? memoryStores()
    this.#disks.set(name, stores)
    const parts = { kafka, registry, stores, world, partitionOf }
    const app = createApp(version(topics), {
      application,
      instance: name,
      isStatic: false,
      commitIntervalMs: 50,
      ...parts,
      ...settings,
      ...options,
    })
    this.#running.set(name, { app, kafka })
    await app.start()
    return app
  }

  /** In good order. */
  async stop(name: string): Promise<void> {
    const { app, kafka } = this.#take(name)
    await app.stop()
    await app.done
    await kafka.close()
  }

  /** As if its machine were gone: from now on nothing of it reaches a broker. */
  async vanish(name: string): Promise<void> {
    const { app, kafka } = this.#take(name)
    await kafka.close()
    await app.stop()
  }

  /** It has failed. */
  async forget(name: string): Promise<void> {
    await this.#take(name).kafka.close()
  }

  async stopAll(): Promise<void> {
    for (const name of this.names()) await this.stop(name)
  }

  /** How many tasks each runs, in the order in which they were started. */
  counts(): number[] {
    return [...this.#running.values()].map(({ app }) => app.worker?.tasks.size ?? 0)
  }

  /** Waits until all tasks run, dealt out evenly. */
  async settled(): Promise<void> {
    const isEven = (counts: readonly number[]): boolean =>
      counts.reduce((total, each) => total + each, 0) === 2 * partitions &&
      Math.max(...counts) - Math.min(...counts) <= 1
    while (!isEven(this.counts())) {
      for (const { app } of this.#running.values()) if (app.state === 'failed') await app.done
      await this.#options.world.scheduler.sleep(10)
    }
  }

  #take(name: string): Replica {
    const replica = this.#running.get(name)!
    this.#running.delete(name)
    return replica
  }
}
