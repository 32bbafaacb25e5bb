import { codes } from './codes.ts'
import type { Group } from './group.ts'
import type { Groups } from './groups.ts'
import type { TransactionCoordinator } from './transactions.ts'

interface OffsetTopics {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly committedOffset: number
      readonly committedLeaderEpoch: number
      readonly committedMetadata: string | null
    }[]
  }[]
}

interface OffsetCommitRequest extends OffsetTopics {
  readonly groupId: string
  readonly generationIdOrMemberEpoch: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

interface TxnOffsetCommitRequest extends OffsetTopics {
  readonly transactionalId: string
  readonly groupId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

interface OffsetFetchGroup {
  readonly groupId: string
  readonly topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null
}

type Commit = (group: Group, topic: string, partition: OffsetTopics['topics'][number]['partitions'][number]) => void

/** OffsetCommit, TxnOffsetCommit and OffsetFetch. */
export class OffsetRequests {
  readonly #groups: Groups
  readonly #transactions: TransactionCoordinator
  readonly #exists: (topic: string, partition: number) => boolean

  constructor(
    groups: Groups,
    transactions: TransactionCoordinator,
    exists: (topic: string, partition: number) => boolean,
  ) {
    this.#groups = groups
    this.#transactions = transactions
    this.#exists = exists
  }

  commit(request: OffsetCommitRequest): object {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request
    const error = this.#check(groupId, memberId, groupInstanceId ?? null, generation, false)
    return this.#answer(request, error, (group, topic, partition) => group.offsets.commit(committed(topic, partition)))
  }

  /** `version` 5 and up adds the group to the transaction (KIP-890); before, AddOffsetsToTxn has done so. */
  transactional(request: TxnOffsetCommitRequest, version: number): object {
    const { transactionalId, groupId, producerId, producerEpoch } = request
    const enter = version >= 5 ? 'add' : 'verify'
    let error = this.#transactions[enter](transactionalId, producerId, producerEpoch, { groupId })
    // Kafka's own translation: clients of this request know the fenced epoch only under this name.
    if (error === codes.PRODUCER_FENCED) error = codes.INVALID_PRODUCER_EPOCH
    if (error === codes.TRANSACTION_ABORTABLE && version < 4) error = codes.INVALID_TXN_STATE
    const { memberId, groupInstanceId, generationId } = request
    error ||= this.#check(groupId, memberId, groupInstanceId ?? null, generationId, true)
    return this.#answer(request, error, (group, topic, partition) => {
      group.offsets.add(producerId, committed(topic, partition))
    })
  }

  #check(
    groupId: string,
    memberId: string,
    instanceId: string | null,
    generation: number,
    inTransaction: boolean,
  ): number {
    if (groupId === '') return codes.INVALID_GROUP_ID
    const group = this.#groups.get(groupId)
    if (group === undefined) return generation < 0 ? codes.NONE : codes.ILLEGAL_GENERATION
    if (generation < 0 && group.state === 'Empty') return codes.NONE
    if (generation >= 0 || memberId !== '' || instanceId !== null) {
      const error = group.checkMember(memberId, instanceId)
      if (error !== codes.NONE) return error
      if (generation !== group.generation) return codes.ILLEGAL_GENERATION
    } else if (!inTransaction && group.state !== 'Empty') return codes.UNKNOWN_MEMBER_ID
    if (inTransaction) return codes.NONE
    const member = group.members.get(memberId)
    if (member !== undefined) group.keepAlive(member)
    return group.state === 'CompletingRebalance' ? codes.REBALANCE_IN_PROGRESS : codes.NONE
  }

  #answer(request: OffsetTopics & { readonly groupId: string }, error: number, commit: Commit): object {
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(partition => {
        const { partitionIndex } = partition
        const errorCode = error || (this.#exists(name, partitionIndex) ? codes.NONE : codes.UNKNOWN_TOPIC_OR_PARTITION)
        if (errorCode === codes.NONE) commit(this.#groups.obtain(request.groupId), name, partition)
        return { partitionIndex, errorCode }
      }),
    }))
    return { throttleTimeMs: 0, topics }
  }

  fetch(request: { readonly groups: readonly OffsetFetchGroup[]; readonly requireStable: boolean }): object {
    const groups = request.groups.map(({ groupId, topics }) => ({
      groupId,
      topics: (topics ?? this.#allTopics(groupId)).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map(partition => this.#offset(groupId, name, partition, request.requireStable)),
      })),
      errorCode: codes.NONE,
    }))
    return { throttleTimeMs: 0, groups }
  }

  /** With committed offsets only: one that waits for its first commit is left out, as by the real broker. */
  #allTopics(groupId: string): { name: string; partitionIndexes: number[] }[] {
    const topics = new Map<string, number[]>()
    for (const { topic, partition } of this.#groups.get(groupId)?.offsets.all() ?? []) {
      topics.set(topic, [...(topics.get(topic) ?? []), partition])
    }
    return [...topics].map(([name, partitionIndexes]) => ({ name, partitionIndexes }))
  }

  #offset(groupId: string, topic: string, partitionIndex: number, requireStable: boolean): object {
    const offsets = this.#groups.get(groupId)?.offsets
    const found = offsets?.get(topic, partitionIndex)
    const unstable = requireStable && offsets?.unstable(topic, partitionIndex) === true
    if (found === undefined || unstable) {
      const errorCode = unstable ? codes.UNSTABLE_OFFSET_COMMIT : codes.NONE
      return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
    }
    const { offset, leaderEpoch, metadata } = found
    return {
      partitionIndex,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: codes.NONE,
    }
  }
}

const committed: (
  topic: string,
  partition: OffsetTopics['topics'][number]['partitions'][number],
) => Parameters<Group['offsets']['commit']>[0] = (topic, partition) => ({
  topic,
  partition: partition.partitionIndex,
  offset: partition.committedOffset,
  leaderEpoch: partition.committedLeaderEpoch,
  metadata: partition.committedMetadata ?? '',
})
