import type { BrokerAddress, Transport, World } from '../ports.ts'
import { KafkaError } from '../kafka/native/protocol/errors.ts'
import { apis, isApi } from './apis.ts'
import { EmbeddedChannel, type Caller } from './channel.ts'
import { compact } from './compaction.ts'
import type { PartitionLog } from './log.ts'
import type { BrokerOptions } from './options.ts'
import { Requests } from './requests.ts'
import { Timers } from './timers.ts'

export interface EmbeddedBroker {
  transport(): Transport
  /** Cuts every connection, as if the network failed for a moment. What the broker knows stays. */
  disconnect(): void
  /**
   * Cuts every connection and forgets what a broker forgets when it is started again: the producers of old records.
   * Logs, open transactions and groups stay.
   */
  restart(): void
  close(): void
  /** For tests: what is in a partition. */
  log(topic: string, partition: number): PartitionLog | undefined
  /** Compacts every partition of a topic now. Twice is needed for tombstones: the first time only marks them. */
  compact(topic: string): void
  /** For tests and simulations: the state behind the answers. */
  readonly requests: Requests
}

/**
 * A Kafka cluster in this process and in memory: it is gone with the process. It answers Kafka's requests as decoded
 * messages, with the error codes of a 4.3 broker. `brokers` nodes share one state; each leads some of the partitions.
 *
 * What it does not do: replicate, keep anything on disk, delete by `retention.ms`, check checksums, authenticate.
 */
export function embeddedBroker(options: {
  readonly world: World
  readonly brokers?: number
  readonly defaults?: BrokerOptions
}): EmbeddedBroker {
  return new Cluster(options.world, options.brokers ?? 1, options.defaults ?? {})
}

const host = 'embedded'

class Cluster implements EmbeddedBroker {
  readonly #world: World
  readonly #timers: Timers
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #channels = new Set<EmbeddedChannel>()
  readonly requests: Requests
  #open = true

  constructor(world: World, brokers: number, options: BrokerOptions) {
    this.#world = world
    this.#timers = new Timers(world)
    this.#bootstrap = Array.from({ length: brokers }, (_, index) => ({ host, port: index + 1 }))
    this.requests = new Requests({ world, timers: this.#timers, nodes: this.#bootstrap, options })
  }

  transport(): Transport {
    return {
      bootstrap: this.#bootstrap,
      connect: async (address, { clientId, timeoutMs }) => {
        await this.#world.scheduler.yield()
        const known = this.#bootstrap.some(each => each.host === address.host && each.port === address.port)
        if (!this.#open || !known) {
          throw new KafkaError('connect', 'NETWORK', `No embedded broker at ${address.host}:${address.port}.`)
        }
        return this.#connect({ node: address.port, clientId }, timeoutMs)
      },
    }
  }

  #connect(caller: Caller, timeoutMs: number): EmbeddedChannel {
    const channel = new EmbeddedChannel({
      scheduler: this.#world.scheduler,
      now: () => this.#world.clock.monotonic(),
      timers: this.#timers,
      timeoutMs,
      caller,
      handler: (api, version, body, from) => this.#answer(api, version, body, from),
      closed: each => this.#channels.delete(each),
    })
    this.#channels.add(channel)
    return channel
  }

  #answer(api: string, version: number, body: object, caller: Caller): object | Promise<object> {
    if (!isApi(api)) throw unsupported(api, version, 'not at all')
    const [, first, last] = apis[api]
    if (version < first || version > last) throw unsupported(api, version, `in versions ${first} to ${last}`)
    return this.requests.answer(api, version, body, caller)
  }

  disconnect(): void {
    for (const channel of this.#channels) channel.close()
  }

  restart(): void {
    this.disconnect()
    this.requests.restarted()
  }

  close(): void {
    this.#open = false
    this.disconnect()
    this.#timers.close()
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.requests.topics.log(topic, partition)
  }

  compact(name: string): void {
    const topic = this.requests.topics.get(name)
    if (topic === undefined) return
    const deleteRetentionMs = topic.configs.number('delete.retention.ms')
    for (const log of topic.partitions) compact(log, { nowMs: this.#world.clock.now(), deleteRetentionMs })
  }
}

const unsupported = (api: string, version: number, what: string): KafkaError =>
  new KafkaError(api, 'UNSUPPORTED_VERSION', `The embedded broker was asked ${api} v${version}; it has it ${what}.`)
