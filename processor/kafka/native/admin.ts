import type {
  Admin,
  ClusterDescription,
  Isolation,
  NewTopic,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
} from '../../ports.ts'
import { AppError } from '../../errors.ts'
import type { Cluster } from './cluster.ts'
import { committedOffsets, type CommittedOffset } from './committed.ts'
import { check, errorOf } from './failure.ts'
import { code, type CreateTopicsAnswer, type DeleteTopicsAnswer, type DescribeConfigsAnswer } from './messages.ts'
import { ongoingTransactions } from './ongoing-transactions.ts'
import { deleteRecords, listOffsets } from './partition-offsets.ts'

/** Resource type of a topic in DescribeConfigs. */
const topicResource = 2

/** Topics, offsets and settings. Every call repeats what may be repeated, within the request timeout. */
export class NativeAdmin implements Admin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async describeCluster(): Promise<ClusterDescription> {
    return this.#cluster.retry('Describing the cluster', {}, async () => {
      const answer = await this.#cluster.refresh([])
      const features = await this.#cluster.features()
      return { clusterId: answer.clusterId ?? '', brokers: answer.brokers.length, features }
    })
  }

  async topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const found = new Map<string, TopicDescription>()
    if (names.length === 0) return found
    await this.#cluster.retry('Describing topics', {}, async () => {
      const answer = await this.#cluster.refresh(names)
      found.clear()
      for (const topic of answer.topics) {
        if (topic.errorCode === code.unknownTopicOrPartition || topic.name === null) continue
        check('Metadata', topic.errorCode, `Topic ${topic.name}.`)
        found.set(topic.name, { name: topic.name, id: topic.topicId, partitions: topic.partitions.length })
      }
    })
    return found
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return
    let missing = topics
    await this.#cluster.retry('Creating topics', {}, async () => {
      const answer = await this.#cluster.anyBroker<CreateTopicsAnswer>('CreateTopics', 7, {
        topics: missing.map(newTopic),
        timeoutMs: this.#cluster.requestTimeoutMs,
        validateOnly: false,
      })
      const failed = answer.topics.filter(
        ({ errorCode }) => errorCode !== code.none && errorCode !== code.topicAlreadyExists,
      )
      // One that was made on the way of a lost answer is there already when it is asked for again.
      missing = missing.filter(({ name }) => failed.some(topic => topic.name === name))
      for (const topic of failed) check('CreateTopics', topic.errorCode, `Topic ${topic.name}: ${topic.errorMessage}`)
    })
    await this.#waitUntilServed(topics)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    await this.#cluster.retry('Deleting topics', {}, async () => {
      const answer = await this.#cluster.anyBroker<DeleteTopicsAnswer>('DeleteTopics', 6, {
        topics: names.map(name => ({ name })),
        timeoutMs: this.#cluster.requestTimeoutMs,
      })
      for (const topic of answer.responses) {
        if (topic.errorCode === code.unknownTopicOrPartition) continue
        check('DeleteTopics', topic.errorCode, `Topic ${topic.name}: ${topic.errorMessage}`)
      }
    })
    await this.#cluster.retry('Waiting until topics are deleted', {}, async () => {
      const answer = await this.#cluster.refresh(names)
      const left = answer.topics.filter(({ errorCode }) => errorCode !== code.unknownTopicOrPartition)
      if (left.length > 0) throw errorOf('Metadata', code.leaderNotAvailable, `${left.length} topics are still there.`)
    })
  }

  async topicConfigs(names: readonly string[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
    const configs = new Map<string, Readonly<Record<string, string>>>()
    if (names.length === 0) return configs
    await this.#cluster.retry('Reading the settings of topics', {}, async () => {
      const answer = await this.#cluster.anyBroker<DescribeConfigsAnswer>('DescribeConfigs', 4, {
        resources: names.map(name => ({
          resourceType: topicResource,
          resourceName: name,
          configurationKeys: null,
        })),
        includeSynonyms: false,
        includeDocumentation: false,
      })
      for (const topic of answer.results) {
        check('DescribeConfigs', topic.errorCode, `Topic ${topic.resourceName}: ${topic.errorMessage}`)
        const settings = topic.configs.map(({ name, value }) => [name, value ?? ''] as const)
        configs.set(topic.resourceName, Object.fromEntries(settings))
      }
    })
    return configs
  }

  offsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest',
    isolation: Isolation,
  ): Promise<PartitionOffset[]> {
    return listOffsets(this.#cluster, partitions, at, isolation)
  }

  committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return committedOffsets(this.#cluster, groupId, partitions)
  }

  ongoingTransactions(prefix: string): Promise<readonly string[]> {
    return ongoingTransactions(this.#cluster, prefix)
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return deleteRecords(this.#cluster, before)
  }

  /**
   * Metadata names a leader before that broker has taken the partition; only an answer from the leader shows that it
   * has.
   */
  async #waitUntilServed(topics: readonly NewTopic[]): Promise<void> {
    const names = topics.map(({ name }) => name)
    const partitions: TopicPartition[] = []
    await this.#cluster.retry('Waiting for new topics', {}, async () => {
      const answer = await this.#cluster.refresh(names)
      for (const topic of answer.topics) check('Metadata', topic.errorCode, `Topic ${topic.name}.`)
    })
    for (const topic of topics) {
      const found = await this.#cluster.topic(topic.name)
      if (topic.partitions !== -1 && found.leaders.length !== topic.partitions) {
        throw new AppError(
          'PARTITIONS_DIFFER',
          `Topic ${topic.name} exists with ${found.leaders.length} partitions, but ${topic.partitions} are needed. ` +
            'Delete the topic, or use another name or number.',
        )
      }
      for (let partition = 0; partition < found.leaders.length; partition++) {
        partitions.push({ topic: topic.name, partition })
      }
    }
    await listOffsets(this.#cluster, partitions, 'latest', 'read_uncommitted')
  }
}

function newTopic(topic: NewTopic): object {
  return {
    name: topic.name,
    numPartitions: topic.partitions,
    replicationFactor: topic.replication ?? -1,
    assignments: [],
    configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
  }
}
