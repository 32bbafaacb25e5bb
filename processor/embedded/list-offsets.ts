import { codes } from './codes.ts'
import type { PartitionLog } from './log.ts'
import { recordsOf } from './records.ts'
import type { Topics } from './topics.ts'

const latest = -1
const earliest = -2
const maxTimestamp = -3

export interface ListOffsetsRequest {
  readonly isolationLevel?: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly timestamp: number }[]
  }[]
}

/** Answers ListOffsets: the ends of a partition, or where a time begins. */
export function listOffsets(topics: Topics, request: ListOffsetsRequest, node: number): object {
  const committed = request.isolationLevel === 1
  const answers = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, timestamp }) => {
      const log = topics.log(name, partitionIndex)
      const leads = topics.leader(partitionIndex) === node
      const refused = log === undefined ? codes.UNKNOWN_TOPIC_OR_PARTITION : codes.NOT_LEADER_OR_FOLLOWER
      if (log === undefined || !leads) return { partitionIndex, errorCode: refused, ...nowhere }
      return { partitionIndex, errorCode: codes.NONE, ...find(log, timestamp, committed) }
    }),
  }))
  return { throttleTimeMs: 0, topics: answers }
}

const nowhere = { timestamp: -1, offset: -1, leaderEpoch: -1 }

function find(
  log: PartitionLog,
  timestamp: number,
  committed: boolean,
): { timestamp: number; offset: number; leaderEpoch: number } {
  if (timestamp === earliest) return { timestamp: -1, offset: log.logStartOffset, leaderEpoch: 0 }
  if (timestamp === latest) {
    return { timestamp: -1, offset: committed ? log.lastStableOffset : log.endOffset, leaderEpoch: 0 }
  }
  const limit = committed ? log.lastStableOffset : log.endOffset
  if (timestamp === maxTimestamp) {
    const newest = log.batches.all.reduce(
      (time, batch) => (batch.control ? time : Math.max(time, batch.maxTimestamp)),
      -1,
    )
    return newest === -1 ? nowhere : find(log, newest, committed)
  }
  for (const batch of log.batches.all) {
    if (batch.baseOffset >= limit) break
    if (batch.control || batch.maxTimestamp < timestamp) continue
    for (const record of recordsOf(batch)) {
      if (record.offset < log.logStartOffset || record.timestamp < timestamp) continue
      return { timestamp: record.timestamp, offset: record.offset, leaderEpoch: 0 }
    }
  }
  return nowhere
}
