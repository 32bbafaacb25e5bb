import type { Isolation, PartitionOffset, TopicPartition } from '../../ports.ts'
import { byTopic, keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { check, errorOf } from './failure.ts'
import { code, type DeleteRecordsAnswer, type ListOffsetsAnswer } from './messages.ts'

// Requests that go to the leader of each partition, repeated for those partitions only that were not answered.

interface Outcome extends TopicPartition {
  readonly errorCode: number
}

/**
 * First or next offset of each partition, in the order asked for. `latest` under `read_committed` is the last stable
 * offset.
 */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  at: 'earliest' | 'latest',
  isolation: Isolation,
): Promise<PartitionOffset[]> {
  const found = new Map<string, number>()
  await atLeaders(cluster, 'ListOffsets', partitions, async (broker, list) => {
    const answer = await cluster.request<ListOffsetsAnswer>(broker, 'admin', 'ListOffsets', 7, {
      replicaId: -1,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: [...byTopic(list)].map(([name, items]) => ({
        name,
        partitions: items.map(({ partition }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: -1,
          timestamp: at === 'latest' ? -1 : -2,
        })),
      })),
    })
    const outcomes: Outcome[] = []
    for (const topic of answer.topics) {
      for (const { partitionIndex: partition, errorCode, offset } of topic.partitions) {
        if (errorCode === code.none) found.set(keyOf(topic.name, partition), offset)
        outcomes.push({ topic: topic.name, partition, errorCode })
      }
    }
    return outcomes
  })
  return partitions.map(({ topic, partition }) => ({ topic, partition, offset: found.get(keyOf(topic, partition))! }))
}

/** Deletes what comes before each offset. */
export async function deleteRecords(cluster: Cluster, before: readonly PartitionOffset[]): Promise<void> {
  await atLeaders(cluster, 'DeleteRecords', before, async (broker, list) => {
    const answer = await cluster.request<DeleteRecordsAnswer>(broker, 'admin', 'DeleteRecords', 2, {
      topics: [...byTopic(list)].map(([name, items]) => ({
        name,
        partitions: items.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
      })),
      timeoutMs: cluster.requestTimeoutMs,
    })
    return answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })),
    )
  })
}

async function atLeaders<Item extends TopicPartition>(
  cluster: Cluster,
  api: string,
  items: readonly Item[],
  ask: (broker: number, list: readonly Item[]) => Promise<readonly Outcome[]>,
): Promise<void> {
  let left = new Map(items.map(item => [keyOf(item.topic, item.partition), item]))
  let attempts = 0
  await cluster.retry(api, {}, async () => {
    const topics = [...byTopic(left.values()).keys()]
    if (attempts++ > 0) await cluster.refresh(topics)
    for (const topic of topics) await cluster.topic(topic)
    const leaders = new Map<number, Item[]>()
    for (const item of left.values()) {
      const leader = cluster.metadata.leader(item.topic, item.partition)
      if (leader === null) throw errorOf(api, code.leaderNotAvailable, keyOf(item.topic, item.partition))
      const list = leaders.get(leader.broker)
      if (list === undefined) leaders.set(leader.broker, [item])
      else list.push(item)
    }
    const answers = await Promise.all([...leaders].map(([broker, list]) => ask(broker, list)))
    const outcomes = answers.flat()
    left = new Map(left)
    for (const { topic, partition, errorCode } of outcomes) {
      if (errorCode === code.none) left.delete(keyOf(topic, partition))
    }
    for (const { topic, partition, errorCode } of outcomes) check(api, errorCode, keyOf(topic, partition))
    if (left.size > 0) throw errorOf(api, code.leaderNotAvailable, 'The answer leaves partitions out.')
  })
}
