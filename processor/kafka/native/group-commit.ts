import type { GroupMetadata, PartitionOffset } from '../../ports.ts'
import type { Cluster } from './cluster.ts'
import { isRetriable, nameOf } from './failure.ts'
import type { OffsetCommitAnswer } from './messages.ts'
import { inGeneration, offsetTopics, verifyOffsets } from './transactions.ts'

/** Commits offsets without a transaction, in the name of a member. */
export async function commitAsMember(
  cluster: Cluster,
  offsets: readonly PartitionOffset[],
  group: GroupMetadata,
): Promise<void> {
  const { groupId } = group
  const target = { kind: 'group', key: groupId } as const
  // Between JoinGroup and SyncGroup only commits of transactions are taken: this one waits.
  const retriable = (error: unknown): boolean => isRetriable(error) || nameOf(error) === 'REBALANCE_IN_PROGRESS'
  await cluster.retry(`Committing offsets of group ${groupId}`, { retriable }, () =>
    inGeneration(group, offsets, current => {
      const { memberId, generation, instanceId: groupInstanceId } = current
      const topics = offsetTopics(offsets)
      const body = { groupId, generationIdOrMemberEpoch: generation, memberId, groupInstanceId, topics }
      const call = { api: 'OffsetCommit', version: 8, body }
      return cluster.atCoordinator<OffsetCommitAnswer>(target, call, answer => {
        verifyOffsets('OffsetCommit', offsets, answer, current)
      })
    }),
  )
}
