import type { Buffer } from 'node:buffer'
import type { Isolation } from '../ports.ts'
import { codes } from './codes.ts'
import type { AbortedTransaction, PartitionLog } from './log.ts'
import type { Timers } from './timers.ts'
import type { Topic, Topics } from './topics.ts'

interface FetchPartition {
  readonly partition: number
  readonly currentLeaderEpoch?: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
}

interface FetchTopic {
  /** Up to version 12. */
  readonly topic?: string
  /** From version 13 on (KIP-516). */
  readonly topicId?: string
  readonly partitions: readonly FetchPartition[]
}

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes?: number
  readonly isolationLevel?: number
  readonly sessionId?: number
  readonly topics: readonly FetchTopic[]
}

interface PartitionAnswer {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly preferredReadReplica: -1
  readonly records: Buffer | null
}

interface Answer {
  readonly bytes: number
  /** Something to say at once, though there are no bytes. */
  readonly urgent: boolean
  readonly body: object
}

/** Answers Fetch: what is there, or after `maxWaitMs`, or when enough has come. */
export class Fetches {
  readonly #topics: Topics
  readonly #timers: Timers

  constructor(topics: Topics, timers: Timers) {
    this.#topics = topics
    this.#timers = timers
  }

  fetch(request: FetchRequest, version: number, node: number): object | Promise<object> {
    if ((request.sessionId ?? 0) !== 0) return failed(codes.FETCH_SESSION_ID_NOT_FOUND)
    const answer = this.#read(request, version, node)
    if (answer.urgent || answer.bytes >= request.minBytes || request.maxWaitMs <= 0) return answer.body
    return this.#wait(request, version, node)
  }

  #wait(request: FetchRequest, version: number, node: number): Promise<object> {
    return new Promise(resolve => {
      const finish = (body: object): void => {
        for (const stop of stops) stop()
        timer.stop()
        resolve(body)
      }
      const timer = this.#timers.timer(() => finish(this.#read(request, version, node).body))
      const look = (): void => {
        const answer = this.#read(request, version, node)
        if (answer.urgent || answer.bytes >= request.minBytes) finish(answer.body)
      }
      const stops = this.#logs(request, version).map(log => log.listen(look))
      timer.set(request.maxWaitMs)
    })
  }

  #topic({ topic, topicId }: FetchTopic, version: number): Topic | undefined {
    return version >= 13 ? this.#topics.byId(topicId ?? '') : this.#topics.get(topic ?? '')
  }

  #logs(request: FetchRequest, version: number): PartitionLog[] {
    return request.topics.flatMap(each => {
      const topic = this.#topic(each, version)
      return each.partitions.flatMap(({ partition }) => topic?.partitions[partition] ?? [])
    })
  }

  #read(request: FetchRequest, version: number, node: number): Answer {
    const isolation: Isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    let bytes = 0
    let urgent = false
    const responses = request.topics.map(each => {
      const topic = this.#topic(each, version)
      const partitions = each.partitions.map(asked => {
        const left = Math.min(asked.partitionMaxBytes, (request.maxBytes ?? Infinity) - bytes)
        const answer = this.#partition(topic, asked, {
          version,
          node,
          isolation,
          maxBytes: left,
          atLeastOne: bytes === 0,
        })
        bytes += answer.records?.length ?? 0
        urgent ||= answer.errorCode !== codes.NONE
        return answer
      })
      return version >= 13 ? { topicId: each.topicId, partitions } : { topic: each.topic, partitions }
    })
    return { bytes, urgent, body: { throttleTimeMs: 0, errorCode: codes.NONE, sessionId: 0, responses } }
  }

  #partition(
    topic: Topic | undefined,
    asked: FetchPartition,
    how: { version: number; node: number; isolation: Isolation; maxBytes: number; atLeastOne: boolean },
  ): PartitionAnswer {
    const { partition, fetchOffset, currentLeaderEpoch = -1 } = asked
    const log = topic?.partitions[partition]
    if (log === undefined) {
      const missingId = topic === undefined && how.version >= 13
      return failedPartition(partition, missingId ? codes.UNKNOWN_TOPIC_ID : codes.UNKNOWN_TOPIC_OR_PARTITION)
    }
    if (this.#topics.leader(partition) !== how.node) return failedPartition(partition, codes.NOT_LEADER_OR_FOLLOWER)
    if (currentLeaderEpoch > 0) return failedPartition(partition, codes.UNKNOWN_LEADER_EPOCH)
    const { errorCode, records, aborted } = log.read(fetchOffset, how.isolation, how.maxBytes, how.atLeastOne)
    if (errorCode !== codes.NONE) return failedPartition(partition, errorCode)
    return {
      partitionIndex: partition,
      errorCode,
      highWatermark: log.endOffset,
      lastStableOffset: log.lastStableOffset,
      logStartOffset: log.logStartOffset,
      abortedTransactions: aborted,
      preferredReadReplica: -1,
      records,
    }
  }
}

const failed = (errorCode: number): object => ({ throttleTimeMs: 0, errorCode, sessionId: 0, responses: [] })

const failedPartition = (partitionIndex: number, errorCode: number): PartitionAnswer => ({
  partitionIndex,
  errorCode,
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: null,
})
