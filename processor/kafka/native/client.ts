import type {
  Admin,
  Fetcher,
  FetcherOptions,
  GroupHandlers,
  GroupMember,
  GroupOptions,
  Kafka,
  Producer,
  ProducerOptions,
  Transport,
  World,
} from '../../ports.ts'
import { NativeAdmin } from './admin.ts'
import { Cluster } from './cluster.ts'
import { NativeFetcher } from './fetcher.ts'
import { NativeGroupMember } from './group.ts'
import { NativeProducer } from './producer.ts'

export interface NativeKafkaOptions {
  readonly transport: Transport
  readonly world: World
  /** Named in the brokers' logs and quotas. */
  readonly clientId: string
  /** How long one request may take, and how long administrative calls are repeated. 30 s by default. */
  readonly requestTimeoutMs?: number
}

const defaultRequestTimeoutMs = 30_000

/**
 * The native client: our own logic over a transport. Exactly once needs brokers with transaction.version 2 (Kafka 4).
 */
export function nativeKafka(options: NativeKafkaOptions): Kafka {
  return new NativeKafka(options)
}

class NativeKafka implements Kafka {
  readonly capabilities = { exactlyOnce: true, customAssignor: true }
  readonly #cluster: Cluster
  /** Parts that wait at a broker have connections of their own, by number. */
  #parts = 0

  constructor({ transport, world, clientId, requestTimeoutMs = defaultRequestTimeoutMs }: NativeKafkaOptions) {
    this.#cluster = new Cluster({ transport, world, clientId, requestTimeoutMs })
  }

  connect(signal?: AbortSignal): Promise<void> {
    return this.#cluster.connect(signal)
  }

  admin(): Admin {
    return new NativeAdmin(this.#cluster)
  }

  fetcher(options: FetcherOptions): Fetcher {
    return new NativeFetcher(this.#cluster, options, `fetcher ${this.#parts++}`)
  }

  producer(options: ProducerOptions): Producer {
    return new NativeProducer(this.#cluster, options, `producer ${this.#parts++}`)
  }

  /** Resolves when the membership has begun; partitions come by `onAssigned`. */
  join(options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember> {
    const member = new NativeGroupMember(this.#cluster, options, handlers, `member ${this.#parts++}`)
    member.start()
    return Promise.resolve(member)
  }

  /**
   * Ends everything that runs. Static memberships are kept; open transactions are left to the next holder of their id.
   */
  close(): Promise<void> {
    this.#cluster.close()
    return Promise.resolve()
  }
}
