import { errorCode } from '../kafka/native/protocol/errors.ts'
import type { BrokerAddress, Channel, Transport, World } from '../ports.ts'

export type Answer = any

const passing = new Set(
  [
    'CONCURRENT_TRANSACTIONS',
    'NOT_COORDINATOR',
    'COORDINATOR_NOT_AVAILABLE',
    'COORDINATOR_LOAD_IN_PROGRESS',
    'NOT_LEADER_OR_FOLLOWER',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNSTABLE_OFFSET_COMMIT',
    'NOT_ENOUGH_REPLICAS',
  ].map(errorCode),
)

/** A topic of two partitions, asked with raw requests, again while a refusal may pass. */
export class RawCluster {
  readonly #transport: Transport
  readonly #world: World
  readonly #name: string
  readonly #channels = new Map<string, Promise<Channel>>()
  readonly #leaders: BrokerAddress[] = []

  constructor(transport: Transport, world: World, name: string) {
    this.#transport = transport
    this.#world = world
    this.#name = name
  }

  async close(): Promise<void> {
    for (const channel of this.#channels.values()) (await channel).close()
  }

  leader(partition: number): BrokerAddress {
    return this.#leaders[partition]!
  }

  #channel(address: BrokerAddress): Promise<Channel> {
    const key = `${address.host}:${address.port}`
    let channel = this.#channels.get(key)
    if (channel === undefined) {
      channel = this.#transport.connect(address, { clientId: 'script', timeoutMs: 30_000 })
      this.#channels.set(key, channel)
    }
    return channel
  }

  /** Asks again while the answer is one that passes. */
  async until(
    address: BrokerAddress,
    api: string,
    version: number,
    body: object,
    code: (answer: Answer) => number,
  ): Promise<Answer> {
    for (let turn = 0; ; turn++) {
      const answer: Answer = await (await this.#channel(address)).request(api, version, body)
      if (!passing.has(code(answer)) || turn > 2000) return answer
      await this.#world.scheduler.sleep(2)
    }
  }

  async coordinator(keyType: 0 | 1): Promise<BrokerAddress> {
    const body = { keyType, coordinatorKeys: [this.#name] }
    const found = (answer: Answer): Answer => answer.coordinators[0]
    return found(
      await this.until(this.#transport.bootstrap[0]!, 'FindCoordinator', 4, body, answer => found(answer).errorCode),
    )
  }

  async create(): Promise<void> {
    const first = this.#transport.bootstrap[0]!
    const topic = { name: this.#name, numPartitions: 2, replicationFactor: -1, assignments: [], configs: [] }
    await (
      await this.#channel(first)
    ).request('CreateTopics', 7, { topics: [topic], timeoutMs: 10_000, validateOnly: false })
    const body = {
      topics: [{ topicId: '0'.repeat(32), name: this.#name }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    }
    const answer = await this.until(
      first,
      'Metadata',
      12,
      body,
      ({ topics }) =>
        topics[0].errorCode || topics[0].partitions.find((each: Answer) => each.errorCode !== 0)?.errorCode || 0,
    )
    for (const partition of [0, 1]) {
      const { leaderId } = answer.topics[0].partitions.find((each: Answer) => each.partitionIndex === partition)
      this.#leaders[partition] = answer.brokers.find((each: Answer) => each.nodeId === leaderId)
      // A leader that is named may not serve yet.
      await this.#fetch(partition)
    }
  }

  async #fetch(partition: number): Promise<Answer> {
    const partitions = [
      {
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: 0,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: 1 << 20,
      },
    ]
    const body = {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic: this.#name, partitions }],
      forgottenTopicsData: [],
      rackId: '',
    }
    const of = (answer: Answer): Answer => answer.responses[0].partitions[0]
    return of(await this.until(this.leader(partition), 'Fetch', 12, body, answer => of(answer).errorCode))
  }

  /** What is there once no transaction is open. */
  async settled(partition: number): Promise<Answer> {
    let answer = await this.#fetch(partition)
    for (let turn = 0; answer.lastStableOffset !== answer.highWatermark && turn < 1000; turn++) {
      await this.#world.scheduler.sleep(2)
      answer = await this.#fetch(partition)
    }
    return answer
  }
}
