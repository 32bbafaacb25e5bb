import { field, list, message } from '../define.ts'

/** Commits offsets of a group outside a transaction. */
export const offsetCommit = message(
  'OffsetCommit',
  8,
  { valid: '2-10', flexible: '8+' },
  [
    field('groupId', 'string'),
    field('generationIdOrMemberEpoch', 'int32', '1+', { default: -1 }),
    field('memberId', 'string', '1+'),
    field('groupInstanceId', 'string', '7+', { nullable: true, default: null }),
    field('retentionTimeMs', 'int64', '2-4', { default: -1 }),
    list('topics', [
      field('name', 'string', '0-9'),
      field('topicId', 'uuid', '10+'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('committedOffset', 'int64'),
        field('committedLeaderEpoch', 'int32', '6+', { default: -1 }),
        field('committedMetadata', 'string', '0+', { nullable: true }),
      ]),
    ]),
  ],
  [
    field('throttleTimeMs', 'int32', '3+'),
    list('topics', [
      field('name', 'string', '0-9'),
      field('topicId', 'uuid', '10+'),
      list('partitions', [field('partitionIndex', 'int32'), field('errorCode', 'int16')]),
    ]),
  ],
)
