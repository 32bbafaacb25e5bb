import type { Buffer } from 'node:buffer'
import type {
  GroupHandlers,
  GroupMember,
  GroupMetadata,
  GroupOptions,
  PartitionOffset,
  TopicPartition,
} from './group-port.ts'

export type {
  GroupHandlers,
  GroupMember,
  GroupMemberInfo,
  GroupMetadata,
  GroupOptions,
  MemberShare,
  PartitionOffset,
  TopicPartition,
} from './group-port.ts'

// All that the engine needs of the world, as types. Adapters implement them; a simulator may implement all of them.

// ---------------------------------------------------------------- time, chance

export interface Clock {
  /** Wall clock, milliseconds since 1970. Schedules work and stamps metrics; never enters a result. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back. For durations. */
  monotonic(): number
}

export interface Scheduler {
  /** Resolves after `ms`; earlier, without an error, when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Lets everything else that is ready run first (I/O included), then goes on. */
  yield(): Promise<void>
}

export interface Random {
  /** Uniform in [0, 1). For jitter and names, never for results. */
  next(): number
}

/** What every part that waits or measures is given. */
export interface World {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
}

/** Structured log lines; pino's shape. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

// ---------------------------------------------------------------- Kafka, as messages

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/**
 * One connection to one broker. Requests are answered in the order in which they were sent. Bodies are Kafka's own
 * messages as plain objects: the names of Kafka's message definitions with a small first letter, `records` as bytes.
 */
export interface Channel {
  readonly open: boolean
  /** Rejects with a retriable `KafkaError` (`NETWORK`) when the connection is lost before the answer. */
  request<Answer>(api: string, version: number, body: object): Promise<Answer>
  close(): void
}

/** How brokers are reached: over TCP, or in the same process (the embedded broker). */
export interface Transport {
  readonly bootstrap: readonly BrokerAddress[]
  /** Nobody looks at the bytes of a request any more when it is answered: they may be written over. Default false. */
  readonly releasesBytes?: boolean
  /** `timeoutMs` bounds every request on the channel. */
  connect(address: BrokerAddress, options: { clientId: string; timeoutMs: number }): Promise<Channel>
}

// ---------------------------------------------------------------- Kafka, as the engine uses it

/**
 * Fetched records as columns, one row a record. Keys, values and headers are ranges `[start, end)` of
 * `buffers[buffer[row]]`; a start of -1 stands for null. Headers are the raw block of the record format (varint count
 * first); an empty one has end <= start + 1. The buffers are never written again, so views of them may be kept.
 */
export interface RecordColumns {
  length: number
  buffers: Buffer[]
  buffer: Int32Array
  offset: Float64Array
  timestamp: Float64Array
  keyStart: Int32Array
  keyEnd: Int32Array
  valueStart: Int32Array
  valueEnd: Int32Array
  headersStart: Int32Array
  headersEnd: Int32Array
}

export interface FetchedPartition extends TopicPartition {
  /** Without control records, and without aborted ones under `read_committed`. Owned by the receiver. */
  readonly records: RecordColumns
  /** The position after these records: moves past control and aborted batches too. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Records left out because their transaction was aborted (for tests and metrics). */
  readonly abortedRecords: number
  /** Bytes of record batches in the answer. 0 together with `error` null means: nothing there right now. */
  readonly bytes: number
  /**
   * What the broker said of this partition, when it is for the engine to decide: OFFSET_OUT_OF_RANGE,
   * UNKNOWN_TOPIC_ID...
   */
  readonly error: string | null
}

/** Reads partitions without a group: for input and for restoring state. Prefetches behind `poll`. */
export interface Fetcher {
  /** Starts reading at `offset`; again for a partition that is there: seeks. */
  assign(partitions: readonly PartitionOffset[]): void
  unassign(partitions: readonly TopicPartition[]): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /**
   * What has arrived; waits up to `timeoutMs` for something, or until `signal` is aborted. Never answers a partition
   * that is unassigned by then. Ends when the fetcher or its client is closed, and rejects when it was closed before.
   */
  poll(timeoutMs: number, signal?: AbortSignal): Promise<FetchedPartition[]>
  close(): Promise<void>
}

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface FetcherOptions {
  readonly isolation: Isolation
  readonly partitionMaxBytes?: number
  readonly maxWaitMs?: number
  /** One `poll` answers no more partitions once it has so many bytes: decoding takes time. Default: all there is. */
  readonly pollMaxBytes?: number
}

/** Takes the records for one partition. Resolve it once, keep it. */
export interface PartitionBuffer {
  /** Copies the ranges; null stands for a null key, value or no headers. */
  append(
    timestamp: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Buffer | null,
    headersStart: number,
    headersEnd: number,
  ): void
}

/**
 * A producer: transactional with a `transactionalId`, else idempotent only. One transaction is open from `init` on; the
 * protocol begins it with its first record. Calls on it are made one after the other, but for `append`, which never
 * waits.
 *
 * The order of a commit: seal, flush, sendOffsets, end('commit').
 *
 * Idempotent only means: what was flushed is in the log once. When a lost answer leaves open whether a batch was
 * written and that cannot be found out, `flush` rejects; the caller decides between a loss and a double. Only a
 * transaction also covers what the caller does after that, or after its own restart.
 */
export interface Producer {
  /**
   * Takes over the transactional id: fences older holders and aborts what they left open. Also after any
   * `ProducerError`.
   */
  init(): Promise<void>
  buffer(topic: string, partition: number): PartitionBuffer
  /** Bytes appended and not yet sent. */
  readonly bufferedBytes: number
  /** Appends from here on belong to the next transaction and are not sent before this one has ended. */
  seal(): void
  /**
   * Sends what is appended (up to the seal, if there is one) and resolves when all of the transaction is acknowledged.
   */
  flush(): Promise<void>
  /** The offset after the last record of this producer that the partition has acknowledged; -1 before the first. */
  nextOffset(topic: string, partition: number): number
  /** `sent` is called when the request is under way. */
  sendOffsets(offsets: readonly PartitionOffset[], group: GroupMetadata, sent?: () => void): Promise<void>
  /**
   * Ends the transaction, resending until the outcome is definite; a transaction without records and offsets ends
   * without a request. `abort` also drops what was appended. Without a transactional id it only lifts the seal. `sent`
   * is called when the EndTxn request is under way.
   */
  end(outcome: 'commit' | 'abort', sent?: () => void): Promise<void>
  close(): Promise<void>
}

export interface ProducerOptions {
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

export interface TopicDescription {
  readonly name: string
  /** The topic's id (KIP-516) as hex; tells a topic from one of the same name that was made again. */
  readonly id: string
  readonly partitions: number
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  /** -1: the broker's default. */
  readonly replication?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly brokers: number
  /** Finalized features by name (KIP-584): `transaction.version` decides the transaction protocol. */
  readonly features: ReadonlyMap<string, number>
}

export interface Admin {
  describeCluster(): Promise<ClusterDescription>
  /** The topics that exist, of those asked for. */
  topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>>
  /** Creates what is missing and waits until its leaders serve it. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  deleteTopics(names: readonly string[]): Promise<void>
  /** Effective settings of each topic. */
  topicConfigs(names: readonly string[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>
  offsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest',
    isolation: Isolation,
  ): Promise<PartitionOffset[]>
  /** Committed offsets of a group, only stable ones (KIP-447); null where nothing was committed. */
  committed(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (TopicPartition & { readonly offset: number | null })[]>
  /**
   * Transactional ids that begin with `prefix` and have a transaction open, as far as the brokers that answer within a
   * few seconds know and this client may see.
   */
  ongoingTransactions(prefix: string): Promise<readonly string[]>
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>
}

export interface Capabilities {
  readonly exactlyOnce: boolean
  readonly customAssignor: boolean
}

/** A Kafka client as the engine uses it. Every adapter passes the one conformance suite. */
export interface Kafka {
  readonly capabilities: Capabilities
  /** Waits for a broker, saying so in the log; resolves when one answers. */
  connect(signal?: AbortSignal): Promise<void>
  admin(): Admin
  fetcher(options: FetcherOptions): Fetcher
  producer(options: ProducerOptions): Producer
  join(options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember>
  close(): Promise<void>
}
