import type { TopicPartition } from '../../ports.ts'
import { byTopic, keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { check, errorOf } from './failure.ts'
import { code, type OffsetFetchAnswer } from './messages.ts'

export type CommittedOffset = TopicPartition & { readonly offset: number | null }

/**
 * Committed offsets, only stable ones (KIP-447). Partitions are named one by one: an answer to "all" silently leaves
 * out a partition whose transaction is not finished, and a restart would then begin at the wrong end.
 */
export async function committedOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<CommittedOffset[]> {
  if (partitions.length === 0) return []
  const topics = [...byTopic(partitions)].map(([name, list]) => ({
    name,
    partitionIndexes: list.map(({ partition }) => partition),
  }))
  const body = { groups: [{ groupId, memberId: null, memberEpoch: -1, topics }], requireStable: true }
  const target = { kind: 'group', key: groupId } as const
  const what = `Reading the committed offsets of group ${groupId}`
  return cluster.retry(what, {}, async () => {
    const call = { api: 'OffsetFetch', version: 8, body }
    const answer = await cluster.atCoordinator<OffsetFetchAnswer>(target, call, verify)
    const offsets = new Map<string, number>()
    for (const { name, partitions: list } of answer.groups[0]?.topics ?? []) {
      for (const { partitionIndex, committedOffset } of list) offsets.set(keyOf(name, partitionIndex), committedOffset)
    }
    return partitions.map(({ topic, partition }) => {
      const offset = offsets.get(keyOf(topic, partition))
      // Left out is not the same as "nothing committed".
      if (offset === undefined) throw errorOf('OffsetFetch', code.unstableOffsetCommit, keyOf(topic, partition))
      return { topic, partition, offset: offset < 0 ? null : offset }
    })
  })
}

function verify(answer: OffsetFetchAnswer): void {
  for (const group of answer.groups) {
    check('OffsetFetch', group.errorCode)
    for (const { name, partitions } of group.topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        check('OffsetFetch', errorCode, `Partition ${keyOf(name, partitionIndex)}.`)
      }
    }
  }
}
