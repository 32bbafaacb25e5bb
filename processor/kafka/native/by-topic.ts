import type { TopicPartition } from '../../ports.ts'

/** Kafka's requests name a topic once, with its partitions below it. */
export function byTopic<Item extends TopicPartition>(items: Iterable<Item>): Map<string, Item[]> {
  const topics = new Map<string, Item[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list === undefined) topics.set(item.topic, [item])
    else list.push(item)
  }
  return topics
}

export const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`
