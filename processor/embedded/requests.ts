import type { BrokerAddress, World } from '../ports.ts'
import { Admin } from './admin.ts'
import { apis, type Api } from './apis.ts'
import type { BrokerOptions } from './options.ts'
import type { Caller } from './channel.ts'
import { codes } from './codes.ts'
import { Fetches } from './fetch.ts'
import { Groups } from './groups.ts'
import { listOffsets } from './list-offsets.ts'
import { OffsetRequests } from './offset-requests.ts'
import { Produces } from './produce.ts'
import { Housekeeping } from './housekeeping.ts'
import type { Timers } from './timers.ts'
import { Topics } from './topics.ts'
import { TransactionRequests } from './transaction-requests.ts'
import { TransactionCoordinator } from './transactions.ts'

export interface RequestsOptions {
  readonly world: World
  readonly timers: Timers
  readonly nodes: readonly BrokerAddress[]
  readonly options: BrokerOptions
}

// The bodies come from clients of ours or from the wire's decoder: each handler's request type says what it reads.
type Handler = (body: never, version: number, caller: Caller) => object | Promise<object>

/** Every API with the part that answers it. */
export class Requests {
  readonly topics: Topics
  readonly groups: Groups
  readonly transactions: TransactionCoordinator
  readonly #housekeeping: Housekeeping
  readonly #nodes: readonly BrokerAddress[]
  readonly #transactionVersion: 1 | 2
  readonly #handlers: Readonly<Record<Api, Handler>>

  constructor({ world, timers, nodes, options }: RequestsOptions) {
    this.#nodes = nodes
    this.#transactionVersion = options.transactionVersion ?? 2
    this.topics = new Topics(world, nodes.length, options.defaultPartitions ?? 1)
    this.#housekeeping = new Housekeeping(world, timers, options)
    this.groups = new Groups(world, timers, {
      initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
      minSessionTimeoutMs: options.minSessionTimeoutMs ?? 6000,
      maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? 1_800_000,
    })
    this.transactions = new TransactionCoordinator(
      world,
      timers,
      {
        markPartition: ({ topic, partition }, producerId, epoch, committed) =>
          this.topics.log(topic, partition)?.mark(producerId, epoch, committed, world.clock.now()),
        markGroup: (groupId, producerId, committed) => this.groups.get(groupId)?.offsets.end(producerId, committed),
      },
      {
        transactionVersion: this.#transactionVersion,
        maxTimeoutMs: options.maxTransactionTimeoutMs ?? 900_000,
        markerDelayMs: options.markerDelayMs ?? 0,
      },
    )
    this.#handlers = this.#handle(world, timers, options)
  }

  #handle(world: World, timers: Timers, options: BrokerOptions): Record<Api, Handler> {
    const exists = (topic: string, partition: number): boolean => this.topics.log(topic, partition) !== undefined
    const clusterId = `embedded-${Math.floor(world.random.next() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')}`
    const nodes = this.#nodes.map(({ host, port }) => ({ nodeId: port, host, port, rack: null }))
    const admin = new Admin(this.topics, this.groups, { clusterId, nodes }, options.autoCreateTopics ?? false)
    const produces = new Produces(this.topics, this.transactions, this.#housekeeping)
    const fetches = new Fetches(this.topics, timers)
    const offsets = new OffsetRequests(this.groups, this.transactions, exists)
    const transactions = new TransactionRequests(this.transactions, exists)
    const { groups, topics } = this
    return {
      ApiVersions: () => this.#apiVersions(),
      Metadata: body => admin.metadata(body),
      DescribeCluster: () => admin.describeCluster(),
      FindCoordinator: body => this.#findCoordinator(body),
      CreateTopics: body => admin.createTopics(body),
      DeleteTopics: body => admin.deleteTopics(body),
      CreatePartitions: body => admin.createPartitions(body),
      DescribeConfigs: body => admin.describeConfigs(body),
      DeleteRecords: (body, _, { node }) => admin.deleteRecords(body, node),
      Produce: (body, version, { node }) => produces.produce(body, version, node),
      Fetch: (body, version, { node }) => fetches.fetch(body, version, node),
      ListOffsets: (body, _, { node }) => listOffsets(topics, body, node),
      JoinGroup: (body, _, { clientId }) => groups.join(body, clientId),
      SyncGroup: body => groups.sync(body),
      Heartbeat: body => ({ throttleTimeMs: 0, errorCode: groups.heartbeat(body) }),
      LeaveGroup: body => groups.leave(body),
      DescribeGroups: (body: { groups: readonly string[] }) => ({
        throttleTimeMs: 0,
        groups: body.groups.map(id => groups.describe(id)),
      }),
      OffsetCommit: body => offsets.commit(body),
      OffsetFetch: body => offsets.fetch(body),
      TxnOffsetCommit: (body, version) => offsets.transactional(body, version),
      InitProducerId: body => transactions.initProducerId(body),
      AddPartitionsToTxn: body => transactions.addPartitions(body),
      AddOffsetsToTxn: body => transactions.addOffsets(body),
      EndTxn: (body, version) => transactions.end(body, version),
      ListTransactions: body => transactions.list(body),
    }
  }

  /** What a start of the brokers does to what they know. */
  restarted(): void {
    for (const { partitions } of this.topics.all()) for (const log of partitions) this.#housekeeping.restarted(log)
  }

  answer(api: Api, version: number, body: object, caller: Caller): object | Promise<object> {
    return this.#handlers[api](body as never, version, caller)
  }

  #apiVersions(): object {
    const level = this.#transactionVersion
    const apiKeys = Object.values(apis).map(([apiKey, minVersion, maxVersion]) => ({ apiKey, minVersion, maxVersion }))
    return {
      errorCode: codes.NONE,
      apiKeys,
      throttleTimeMs: 0,
      finalizedFeaturesEpoch: 1,
      zkMigrationReady: false,
      supportedFeatures: [{ name: 'transaction.version', minVersion: 0, maxVersion: 2 }],
      finalizedFeatures: [{ name: 'transaction.version', minVersionLevel: level, maxVersionLevel: level }],
    }
  }

  /** Coordinators know all of the cluster here, so any node answers for any key; the hash only spreads the clients. */
  #findCoordinator({ coordinatorKeys }: { readonly coordinatorKeys: readonly string[] }): object {
    const coordinators = coordinatorKeys.map(key => {
      let hash = 0
      for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) >>> 0
      const { host, port } = this.#nodes[hash % this.#nodes.length] ?? { host: '', port: -1 }
      return { key, nodeId: port, host, port, errorCode: codes.NONE, errorMessage: null }
    })
    return { throttleTimeMs: 0, coordinators }
  }
}
