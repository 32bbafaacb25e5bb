import type { BrokerAddress } from '../../ports.ts'
import { code, type MetadataAnswer, type MetadataTopic } from './messages.ts'

export interface Leader {
  readonly broker: number
  readonly epoch: number
}

export interface TopicMetadata {
  readonly name: string
  /** Its id, as hex: another topic of the same name has another one (KIP-516). */
  readonly id: string
  /** By partition; null while there is none. */
  readonly leaders: readonly (Leader | null)[]
}

/** The last that brokers said of themselves and of topics. */
export class Metadata {
  readonly brokers = new Map<number, BrokerAddress>()
  readonly #topics = new Map<string, TopicMetadata>()
  clusterId = ''

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  leader(topic: string, partition: number): Leader | null {
    return this.#topics.get(topic)?.leaders[partition] ?? null
  }

  forgetTopic(name: string): void {
    this.#topics.delete(name)
  }

  update(answer: MetadataAnswer): void {
    this.clusterId = answer.clusterId ?? this.clusterId
    // A broker that is gone stays known until another takes its number: its coordinator may still be asked.
    for (const { nodeId, host, port } of answer.brokers) this.brokers.set(nodeId, { host, port })
    for (const topic of answer.topics) this.#updateTopic(topic)
  }

  #updateTopic(topic: MetadataTopic): void {
    if (topic.name === null) return
    if (topic.errorCode === code.unknownTopicOrPartition) this.#topics.delete(topic.name)
    if (topic.errorCode !== code.none) return
    const before = this.#topics.get(topic.name)
    const known = before?.id === topic.topicId ? before : undefined
    const leaders: (Leader | null)[] = []
    for (const partition of topic.partitions) {
      const last = known?.leaders[partition.partitionIndex] ?? null
      const next = partition.leaderId < 0 ? null : { broker: partition.leaderId, epoch: partition.leaderEpoch }
      // Brokers learn of a new leader one after the other: an answer with an older epoch is an old answer.
      const stale = next !== null && last !== null && next.epoch < last.epoch
      leaders[partition.partitionIndex] = stale ? last : next
    }
    this.#topics.set(topic.name, { name: topic.name, id: topic.topicId, leaders })
  }
}
