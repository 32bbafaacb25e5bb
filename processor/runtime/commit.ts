import type { GroupMember, GroupMetadata, PartitionOffset, Producer } from '../ports.ts'
import type { Task } from './task.ts'
import type { AppTopics } from './topics.ts'

/**
 * The steps of a commit, as a trace sees them, in this order. `K..` are the kill points of the reliability plan: what
 * must
 * hold after a restart is written there.
 */
export const commitSteps = [
  /** Processing goes on; nothing of the transaction was sent (K1). */
  'begun',
  /** Some of the transaction is in the log, and more will come (K2). */
  'sending',
  /** Every record is acknowledged inside the transaction (K3). */
  'flushed',
  /** The offsets are on their way: they join the transaction with that request (K4). */
  'offsetsSent',
  /** The offsets are pending in the group (K5). */
  'offsetsPending',
  /** The end is on its way, its outcome not known here (K6). */
  'endSent',
  /** Committed in Kafka, not in the store (K7). */
  'committed',
  /** A batch is on its way to a task's store (K8). */
  'storing',
  /** One task's store holds the transaction, another's does not (K8). */
  'storedOne',
  /** Every store that was due holds it. */
  'stored',
  /** The application closes (K9). */
  'closing',
] as const
export type Step = (typeof commitSteps)[number]

export interface CommitOptions {
  readonly guarantee: 'exactly_once' | 'at_least_once'
  readonly producer: Producer
  readonly topics: AppTopics
  /** The membership under which the transaction was begun. */
  readonly group: GroupMetadata
  readonly member: Pick<GroupMember, 'commit'>
  step(step: Step): void
}

/** What a transaction holds of one task, from the seal on. */
interface Share {
  readonly task: Task
  readonly positions: readonly PartitionOffset[]
}

/**
 * Ends a transaction. Everything that is processed after this call belongs to the next one: the seal and the freezing
 * of state happen before the first await.
 *
 * Exactly once: records, then offsets, then the end; only then is the state committed, and only committed state reaches
 * the
 * disk. The store therefore never runs ahead of Kafka.
 */
export async function commit(tasks: readonly Task[], options: CommitOptions): Promise<void> {
  const { producer, topics, step } = options
  const shares = tasks.map((task): Share => {
    task.freeze()
    return { task, positions: task.positions() }
  })
  producer.seal()
  const offsets = shares.flatMap(share => share.positions)
  await producer.flush()
  step('flushed')
  if (options.guarantee === 'exactly_once') {
    await producer.sendOffsets(offsets, options.group, () => step('offsetsSent'))
    step('offsetsPending')
    await producer.end('commit', () => step('endSent'))
  } else {
    await producer.end('commit')
    await options.member.commit(offsets, options.group)
  }
  for (const { task, positions } of shares) {
    task.committed(positions, store => producer.nextOffset(topics.changelog(store), task.partition))
  }
  step('committed')
}
