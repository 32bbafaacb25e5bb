import type { GroupMemberInfo, TopicPartition } from '../ports.ts'
import type { Compiled } from '../../topology/compiled.ts'
import type { AppTopics } from './topics.ts'

export interface TaskPlace {
  readonly part: number
  readonly partition: number
}

/** The source partitions of a task: partition p of each of its topics that has one. */
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

/**
 * Deals the tasks out to the members: each keeps what it has, up to its fair share, and the rest goes to whoever has
 * least.
 * The same members and tasks always give the same result.
 */
export function assignTasks(
  compiled: Compiled,
  topics: AppTopics,
  members: readonly GroupMemberInfo[],
): ReadonlyMap<string, readonly TopicPartition[]> {
  const tasks = allTasks(topics)
  const ordered = members.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const shares = new Map<string, TopicPartition[]>(ordered.map(member => [member.memberId, []]))
  const counts = new Map<string, number>(ordered.map(member => [member.memberId, 0]))
  const most = Math.ceil(tasks.length / ordered.length)
  const give = (memberId: string, task: TaskPlace): void => {
    shares.get(memberId)!.push(...sourcesOf(compiled, topics, task))
    counts.set(memberId, counts.get(memberId)! + 1)
  }
  const homeless: TaskPlace[] = []
  for (const task of tasks) {
    const [source] = sourcesOf(compiled, topics, task)
    const owner = ordered.find(member =>
      member.owned.some(at => at.topic === source?.topic && at.partition === source.partition),
    )
    if (owner !== undefined && counts.get(owner.memberId)! < most) give(owner.memberId, task)
    else homeless.push(task)
  }
  for (const task of homeless) {
    const [least] = ordered.toSorted((a, b) => counts.get(a.memberId)! - counts.get(b.memberId)!)
    give(least!.memberId, task)
  }
  return shares
}

const nameOf = (member: GroupMemberInfo): string => member.instanceId ?? member.memberId

/** The tasks whose sources are among `partitions`. */
export function tasksFor(compiled: Compiled, topics: AppTopics, partitions: readonly TopicPartition[]): TaskPlace[] {
  const given = new Set(partitions.map(at => `${at.topic} ${at.partition}`))
  return allTasks(topics).filter(task =>
    sourcesOf(compiled, topics, task).some(at => given.has(`${at.topic} ${at.partition}`)),
  )
}
