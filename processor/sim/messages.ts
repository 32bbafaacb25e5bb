import { errorInfo } from '../kafka/native/protocol/errors.ts'

// Requests and answers as short lines, for a trace that a person reads.

type Any = any

const list = (items: readonly Any[], text: (item: Any) => string): string => items.map(text).join(' ')

const requestTexts: Readonly<Record<string, (body: Any) => string>> = {
  Produce: ({ topicData }) =>
    list(topicData, ({ name, partitionData }) =>
      list(partitionData, each => `${name}-${each.index}:${each.records.length}b`),
    ),
  TxnOffsetCommit: ({ topics, generationId, producerEpoch }) =>
    `generation ${generationId} epoch ${producerEpoch} ` +
    list(topics, ({ name, partitions }) =>
      list(partitions, each => `${name}-${each.partitionIndex}=${each.committedOffset}`),
    ),
  EndTxn: ({ committed, producerId, producerEpoch }) =>
    `${committed ? 'commit' : 'abort'} ${producerId}/${producerEpoch}`,
  InitProducerId: ({ transactionalId }) => `${transactionalId}`,
  Heartbeat: ({ generationId }) => `generation ${generationId}`,
  JoinGroup: ({ memberId, groupInstanceId }) => `${groupInstanceId} ${memberId.slice(-6)}`,
  SyncGroup: ({ generationId }) => `generation ${generationId}`,
  ListOffsets: ({ topics }) =>
    list(topics, ({ name, partitions }) => list(partitions, each => `${name}-${each.partitionIndex}`)),
}

export const requestText = (api: string, body: object): string => `${api} ${requestTexts[api]?.(body) ?? ''}`

const nameOf = (code: number): string => (code === 0 ? 'ok' : errorInfo(code).name)

const worst = (codes: readonly number[]): string => {
  const errors = [...new Set(codes.filter(code => code !== 0))]
  return errors.length === 0 ? 'ok' : errors.map(nameOf).join(' ')
}

const answerTexts: Readonly<Record<string, (answer: Any) => string>> = {
  Produce: ({ responses }) =>
    worst(responses.flatMap((each: Any) => each.partitionResponses.map((one: Any) => one.errorCode))),
  Fetch: ({ errorCode, responses }) => {
    const parts = responses.flatMap((each: Any) => each.partitions)
    const bytes = parts.reduce((sum: number, one: Any) => sum + (one.records?.length ?? 0), 0)
    return `${worst([errorCode, ...parts.map((one: Any) => one.errorCode)])} ${bytes}b`
  },
  TxnOffsetCommit: ({ topics }) =>
    worst(topics.flatMap((each: Any) => each.partitions.map((one: Any) => one.errorCode))),
  OffsetFetch: ({ groups }) =>
    worst(
      groups.flatMap((group: Any) => [
        group.errorCode,
        ...group.topics.flatMap((each: Any) => each.partitions.map((one: Any) => one.errorCode)),
      ]),
    ),
  JoinGroup: ({ errorCode, generationId, leader, memberId }) =>
    `${nameOf(errorCode)} generation ${generationId}${leader === memberId ? ' leads' : ''}`,
  EndTxn: ({ errorCode, producerEpoch }) => `${nameOf(errorCode)} epoch ${producerEpoch}`,
  InitProducerId: ({ errorCode, producerId, producerEpoch }) => `${nameOf(errorCode)} ${producerId}/${producerEpoch}`,
}

export function answerText(api: string, answer: object): string {
  const text = answerTexts[api]
  return text === undefined ? nameOf((answer as { errorCode?: number }).errorCode ?? 0) : text(answer)
}
