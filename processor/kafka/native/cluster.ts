import type { BrokerAddress, Channel, Transport, World } from '../../ports.ts'
import { AppError } from '../../errors.ts'
import { Connections } from './connections.ts'
import { Metadata, type TopicMetadata } from './metadata.ts'
import { check, isRetriable, messageOf, networkError } from './failure.ts'
import { closedError, retrying, type RetryOptions } from './retry.ts'
import { code, type ApiVersionsAnswer, type FindCoordinatorAnswer, type MetadataAnswer } from './messages.ts'

export interface ClusterOptions {
  readonly transport: Transport
  readonly world: World
  readonly clientId: string
  readonly requestTimeoutMs: number
}

const topicTimeoutMs = 5_000

export type CoordinatorKind = 'group' | 'transaction'

/** What every part of the client knows of the brokers, and the one way to them. */
export class Cluster {
  readonly world: World
  readonly requestTimeoutMs: number
  readonly metadata = new Metadata()
  /** Bytes of an answered request may be written over. */
  readonly releasesBytes: boolean
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #connections: Connections
  readonly #closing = new AbortController()
  readonly #coordinators = new Map<string, number>()
  #features: ReadonlyMap<string, number> | null = null
  #turn = 0

  constructor(options: ClusterOptions) {
    const { transport, world, clientId, requestTimeoutMs } = options
    this.world = world
    this.requestTimeoutMs = requestTimeoutMs
    this.releasesBytes = transport.releasesBytes ?? false
    this.#bootstrap = transport.bootstrap
    this.#connections = new Connections({ transport, world, clientId, signal: this.#closing.signal })
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  close(): void {
    this.#closing.abort()
    this.#connections.close()
  }

  /** Waits, for as long as it takes, until a broker answers; ends early when `signal` is aborted. */
  async connect(signal?: AbortSignal): Promise<void> {
    const stopped = signal === undefined ? this.signal : AbortSignal.any([signal, this.signal])
    // Which error it is does not matter here, but one that no waiting mends must not be waited for.
    await this.retry('Connecting to Kafka', { deadlineMs: Infinity, signal: stopped }, () => this.features())
    await this.refresh([])
  }

  /** Finalized features by name, asked once (KIP-584). They say what the operator has switched on, versions do not. */
  async features(): Promise<ReadonlyMap<string, number>> {
    if (this.#features !== null) return this.#features
    const body = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' }
    // Version 4 reports features whose lowest level is 0. A broker that does not know it answers in version 0, as is
    // told by its error code; version 3 is understood since Kafka 2.4.
    let answer = await this.anyBroker<ApiVersionsAnswer>('ApiVersions', 4, body)
    if (answer.errorCode === code.unsupportedVersion) answer = await this.anyBroker('ApiVersions', 3, body)
    check('ApiVersions', answer.errorCode)
    this.#features = new Map(
      (answer.finalizedFeatures ?? []).map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
    )
    return this.#features
  }

  /** Asks for topics by name and remembers the answer. No names: brokers only. */
  async refresh(names: readonly string[]): Promise<MetadataAnswer> {
    const answer = await this.anyBroker<MetadataAnswer>('Metadata', 12, {
      topics: names.map(name => ({ name })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    })
    this.metadata.update(answer)
    return answer
  }

  /**
   * What is known of a topic; asks when nothing is. A topic that brokers do not know for five seconds does not exist.
   */
  async topic(name: string): Promise<TopicMetadata> {
    const known = this.metadata.topic(name)
    if (known !== undefined) return known
    let missing = false
    const deadlineMs = Math.min(topicTimeoutMs, this.requestTimeoutMs)
    try {
      return await this.retry(`Looking up topic ${name}`, { deadlineMs }, async () => {
        missing = false
        const answer = await this.refresh([name])
        missing = answer.topics.some(({ errorCode }) => errorCode === code.unknownTopicOrPartition)
        for (const topic of answer.topics) check('Metadata', topic.errorCode, `Topic ${name}.`)
        const found = this.metadata.topic(name)
        if (found === undefined) throw networkError('Metadata', `the answer leaves out topic ${name}`)
        return found
      })
    } catch (cause) {
      if (!missing || this.signal.aborted) throw cause
      throw new AppError('TOPIC_MISSING', `Topic ${name} does not exist. Create it, or correct the name.`, { cause })
    }
  }

  /** One attempt at one broker. A broker that nobody knows any more counts as a lost connection. */
  async request<Answer>(broker: number, purpose: string, api: string, version: number, body: object): Promise<Answer> {
    const channel = await this.channel(broker, purpose)
    return channel.request<Answer>(api, version, body)
  }

  channel(broker: number, purpose: string, timeoutMs = this.requestTimeoutMs): Promise<Channel> {
    return this.#connections.channel(this.#address(broker), purpose, timeoutMs)
  }

  dropChannel(broker: number, purpose: string): void {
    const address = this.metadata.brokers.get(broker)
    if (address !== undefined) this.#connections.drop(address, purpose)
  }

  /** One attempt at any broker; each lost connection moves on to the next broker. */
  async anyBroker<Answer>(api: string, version: number, body: object): Promise<Answer> {
    const addresses = [...this.metadata.brokers.values(), ...this.#bootstrap]
    if (addresses.length === 0) throw new AppError('CONFIG', 'No Kafka broker is configured. Name at least one.')
    for (let left = addresses.length; ; left--) {
      const address = addresses[this.#turn % addresses.length]!
      try {
        const channel = await this.#connections.channel(address, 'any', this.requestTimeoutMs)
        return await channel.request<Answer>(api, version, body)
      } catch (error) {
        this.#turn++
        if (left <= 1 || !isRetriable(error) || this.signal.aborted) throw error
      }
    }
  }

  /** Repeats `attempt` within the request timeout (or the deadline given), until the client is closed. */
  retry<Result>(
    what: string,
    options: Partial<Omit<RetryOptions, 'what'>>,
    attempt: () => Promise<Result>,
  ): Promise<Result> {
    const defaults = { deadlineMs: this.requestTimeoutMs, signal: this.signal }
    return retrying(this.world, { ...defaults, ...options, what }, attempt)
  }

  /**
   * One attempt at the coordinator of a group or a transactional id. `verify` looks into the answer and throws; after
   * an error that may mean "not I" the coordinator is looked up again.
   */
  async atCoordinator<Answer>(
    target: { readonly kind: CoordinatorKind; readonly key: string },
    call: { readonly api: string; readonly version: number; readonly body: object; readonly sent?: () => void },
    verify: (answer: Answer) => void,
  ): Promise<Answer> {
    try {
      const broker = await this.coordinator(target.kind, target.key)
      const channel = await this.channel(broker, `${target.kind} ${target.key}`)
      const answering = channel.request<Answer>(call.api, call.version, call.body)
      call.sent?.()
      const answer = await answering
      verify(answer)
      return answer
    } catch (error) {
      if (isRetriable(error)) this.forgetCoordinator(target.kind, target.key)
      throw error
    }
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${key}`)
    if (known !== undefined) return known
    const body = { keyType: kind === 'group' ? 0 : 1, coordinatorKeys: [key] }
    const answer = await this.anyBroker<FindCoordinatorAnswer>('FindCoordinator', 4, body)
    const found = answer.coordinators[0]
    if (found === undefined) throw networkError('FindCoordinator', 'the answer names no coordinator')
    check('FindCoordinator', found.errorCode, `The ${kind} coordinator of ${key}.`)
    this.metadata.brokers.set(found.nodeId, { host: found.host, port: found.port })
    this.#coordinators.set(`${kind} ${key}`, found.nodeId)
    return found.nodeId
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`)
  }

  #address(broker: number): BrokerAddress {
    const address = this.metadata.brokers.get(broker)
    if (this.signal.aborted) throw closedError('A request to Kafka')
    if (address === undefined) throw networkError('Metadata', `broker ${broker} is not known`)
    return address
  }

  /** Looks topics up again after an error that a new leader may explain; an error of this look-up is only logged. */
  async refreshQuietly(names: readonly string[]): Promise<void> {
    try {
      await this.refresh(names)
    } catch (error) {
      if (!this.signal.aborted) this.world.log.debug({ names }, `Looking up leaders failed: ${messageOf(error)}`)
    }
  }
}
