import { field, list, message } from '../define.ts'

/** Offsets by timestamp; -1 asks for the latest, -2 for the earliest. */
export const listOffsets = message(
  'ListOffsets',
  2,
  { valid: '1-11', flexible: '6+' },
  [
    field('replicaId', 'int32'),
    field('isolationLevel', 'int8', '2+'),
    list('topics', [
      field('name', 'string'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('currentLeaderEpoch', 'int32', '4+', { default: -1 }),
        field('timestamp', 'int64'),
      ]),
    ]),
    field('timeoutMs', 'int32', '10+'),
  ],
  [
    field('throttleTimeMs', 'int32', '2+'),
    list('topics', [
      field('name', 'string'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('errorCode', 'int16'),
        field('timestamp', 'int64', '1+', { default: -1 }),
        field('offset', 'int64', '1+', { default: -1 }),
        field('leaderEpoch', 'int32', '4+', { default: -1 }),
      ]),
    ]),
  ],
)
