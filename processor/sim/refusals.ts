import { Buffer } from 'node:buffer'
import { errorCode } from '../kafka/native/protocol/errors.ts'

type Any = any

const producer = (code: number): object => ({ throttleTimeMs: 0, errorCode: code, producerId: -1, producerEpoch: -1 })

/** How each request is refused: the answer of a broker that did nothing else. */
const refusals: Readonly<Record<string, (body: Any, code: number, version: number) => object>> = {
  InitProducerId: (_, code) => producer(code),
  EndTxn: (_, code) => producer(code),
  Heartbeat: (_, code) => ({ throttleTimeMs: 0, errorCode: code }),
  LeaveGroup: (_, code) => ({ throttleTimeMs: 0, errorCode: code, members: [] }),
  JoinGroup: ({ memberId }, code) => ({
    throttleTimeMs: 0,
    errorCode: code,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }),
  SyncGroup: (_, code) => ({
    throttleTimeMs: 0,
    errorCode: code,
    protocolType: null,
    protocolName: null,
    assignment: Buffer.alloc(0),
  }),
  FindCoordinator: ({ coordinatorKeys }, code) => ({
    throttleTimeMs: 0,
    coordinators: coordinatorKeys.map((key: string) => ({
      key,
      nodeId: -1,
      host: '',
      port: -1,
      errorCode: code,
      errorMessage: null,
    })),
  }),
  TxnOffsetCommit: ({ topics }, code) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }: Any) => ({
      name,
      partitions: partitions.map(({ partitionIndex }: Any) => ({ partitionIndex, errorCode: code })),
    })),
  }),
  OffsetFetch: ({ groups }, code) => ({
    throttleTimeMs: 0,
    groups: groups.map(({ groupId }: Any) => ({ groupId, topics: [], errorCode: code })),
  }),
  Produce: ({ topicData }, code) => ({
    throttleTimeMs: 0,
    responses: topicData.map(({ name, partitionData }: Any) => ({
      name,
      partitionResponses: partitionData.map(({ index }: Any) => ({
        index,
        errorCode: code,
        baseOffset: -1,
        logAppendTimeMs: -1,
        logStartOffset: -1,
        recordErrors: [],
        errorMessage: null,
      })),
    })),
  }),
  Fetch: ({ topics }, code) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    responses: topics.map(({ topicId, partitions }: Any) => ({
      topicId,
      partitions: partitions.map(({ partition }: Any) => ({
        partitionIndex: partition,
        errorCode: code,
        highWatermark: -1,
        lastStableOffset: -1,
        logStartOffset: -1,
        abortedTransactions: null,
        preferredReadReplica: -1,
        records: null,
      })),
    })),
  }),
  ListOffsets: ({ topics }, code) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }: Any) => ({
      name,
      partitions: partitions.map(({ partitionIndex }: Any) => ({
        partitionIndex,
        errorCode: code,
        timestamp: -1,
        offset: -1,
        leaderEpoch: -1,
      })),
    })),
  }),
}

/** The answer of a broker that refuses with `error`; null where there is no such answer. */
export const refusalOf = (api: string, version: number, body: object, error: string): object | null =>
  refusals[api]?.(body, errorCode(error), version) ?? null
