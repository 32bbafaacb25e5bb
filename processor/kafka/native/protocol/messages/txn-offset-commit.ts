import { field, list, message } from '../define.ts'

/** Commits offsets of a group inside a transaction, checked against generation and member (KIP-447). */
export const txnOffsetCommit = message(
  'TxnOffsetCommit',
  28,
  { valid: '0-5', flexible: '3+' },
  [
    field('transactionalId', 'string'),
    field('groupId', 'string'),
    field('producerId', 'int64'),
    field('producerEpoch', 'int16'),
    field('generationId', 'int32', '3+', { default: -1 }),
    field('memberId', 'string', '3+'),
    field('groupInstanceId', 'string', '3+', { nullable: true, default: null }),
    list('topics', [
      field('name', 'string'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('committedOffset', 'int64'),
        field('committedLeaderEpoch', 'int32', '2+', { default: -1 }),
        field('committedMetadata', 'string', '0+', { nullable: true }),
      ]),
    ]),
  ],
  [
    field('throttleTimeMs', 'int32'),
    list('topics', [
      field('name', 'string'),
      list('partitions', [field('partitionIndex', 'int32'), field('errorCode', 'int16')]),
    ]),
  ],
)
