import { field, list, message } from '../define.ts'

/** Adds partitions to topics. */
export const createPartitions = message(
  'CreatePartitions',
  37,
  { valid: '0-3', flexible: '2+' },
  [
    list('topics', [
      field('name', 'string'),
      field('count', 'int32'),
      list('assignments', [list('brokerIds', 'int32')], '0+', { nullable: true }),
    ]),
    field('timeoutMs', 'int32'),
    field('validateOnly', 'bool'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    list('results', [
      field('name', 'string'),
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '0+', { nullable: true, default: null }),
    ]),
  ],
)
