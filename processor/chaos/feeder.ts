import { PortCarrier } from '../../producer/port-carrier.ts'
import { createFeed } from '../../producer/feed.ts'
import type { Emission, Feed } from '../../producer/emission.ts'
import { pump } from '../../producer/pump.ts'
import { EmissionSink, type Sink } from '../../producer/sink.ts'
import type { Registry } from '../../schemas/registry.ts'
import { AppError } from '../errors.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Kafka, Producer, World } from '../ports.ts'
import { bind, type FlagshipTopics } from '../testing/flagship-testing.ts'

export interface FeederOptions {
  readonly kafka: Kafka
  readonly registry: Registry
  readonly world: World
  readonly topics: FlagshipTopics
  readonly partitions: number
  readonly rate: number
  readonly seed: number
  readonly customers: number
}

/**
 * Payments at a steady rate. What a broker may or may not have taken is sent again under a new epoch, so a payment can
 * come twice: the log of the input is the truth, and what is in it twice is the application's duplicate.
 */
export class Feeder {
  /** Acknowledged. */
  sent = 0
  /** How often a batch had to be sent again because nobody could tell whether it is in the log. */
  resent = 0
  readonly #options: FeederOptions
  /** Why it sends no more, if that is so: the run is void. */
  failure: unknown = null
  #hasEnded = false
  readonly #running: Promise<void>

  constructor(options: FeederOptions) {
    this.#options = options
    this.#running = this.#run()
    this.#running.catch((error: unknown) => {
      this.failure = error
    })
  }

  /** Marks the end in each partition; resolves when that is in the log. */
  async end(): Promise<void> {
    this.#hasEnded = true
    await this.#running
  }

  async #run(): Promise<void> {
    const { kafka, registry, world, topics, partitions, rate, seed, customers } = this.#options
    const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 60_000 })
    await producer.init()
    const carrier = new PortCarrier({ producer, partitionOf, payments: { name: topics.payments.name, partitions } })
    const sink = new EmissionSink({ carrier, payment: await bind(topics.payments, registry) })
    const feed = this.#ending(await createFeed({ millrace: { seed, customers }, count: null }))
    const { clock, scheduler } = world
    const onBatch = (batch: readonly Emission[]): void => void (this.sent += batch.length)
    await pump({
      feed,
      sink: this.#patient(sink, producer),
      clock,
      scheduler,
      ratePerSecond: rate,
      endMarks: true,
      onBatch,
    })
    await sink.close()
  }

  #ending(feed: Feed): Feed {
    return {
      name: feed.name,
      total: null,
      pull: max => (this.#hasEnded ? Promise.resolve([]) : feed.pull(max)),
      close: () => feed.close(),
    }
  }

  /** However long brokers are down. */
  async #renew(producer: Producer): Promise<void> {
    for (;;) {
      try {
        return await producer.init()
      } catch (error) {
        if (!(error instanceof AppError) || !error.retriable) throw error
        this.#options.world.log.warn({ error }, 'no new epoch yet: trying again')
      }
    }
  }

  #patient(sink: Sink, producer: Producer): Sink {
    const insist = async (act: () => Promise<void>): Promise<void> => {
      for (;;) {
        try {
          await act()
          return
        } catch (error) {
          this.resent++
          this.#options.world.log.warn({ error }, 'the producer begins a new epoch, and sends its batch again')
          await this.#renew(producer)
        }
      }
    }
    return {
      send: emissions => insist(() => sink.send(emissions)),
      finish: options => insist(() => sink.finish(options)),
      close: () => sink.close(),
    }
  }
}
