import type { Compiled } from '../../../topology/compiled.ts'
import type { TopicPartition } from '../../ports.ts'
import type { AppTopics } from '../topics.ts'

/** Which task: the id of its sub-topology, and the partition. */
export interface TaskPlace {
  readonly part: number
  readonly partition: number
}

/** How a task is named in logs, metrics and on disk. */
export const taskName = (place: TaskPlace): string => `${place.part}_${place.partition}`

/** By sub-topology, then by partition. */
export const comparePlaces = (a: TaskPlace, b: TaskPlace): number => a.part - b.part || a.partition - b.partition

/** The source partitions of a task: partition p of each of its topics that has one. They move together. */
export function sourcesOf(compiled: Compiled, topics: AppTopics, place: TaskPlace): TopicPartition[] {
  const part = compiled.subTopologies[place.part]!
  return [...part.inputs, ...part.repartitionInputs.map(name => topics.repartition(name))]
    .filter(topic => place.partition < topics.partitions(topic))
    .map(topic => ({ topic, partition: place.partition }))
}

/** All tasks of an application, by sub-topology and then by partition. */
export function allTasks(topics: AppTopics): TaskPlace[] {
  return topics.tasks.flatMap((count, part) => Array.from({ length: count }, (_, partition) => ({ part, partition })))
}

/** Finds the tasks whose sources are among some partitions. */
export function taskFinder(
  compiled: Compiled,
  topics: AppTopics,
): (partitions: readonly TopicPartition[]) => TaskPlace[] {
  const readers = new Map<string, TaskPlace[]>()
  for (const task of allTasks(topics)) {
    for (const { topic, partition } of sourcesOf(compiled, topics, task)) {
      const name = `${topic} ${partition}`
      readers.set(name, [...(readers.get(name) ?? []), task])
    }
  }
  return partitions => {
    const found = partitions.flatMap(({ topic, partition }) => readers.get(`${topic} ${partition}`) ?? [])
    return [...new Set(found)].toSorted(comparePlaces)
  }
}
