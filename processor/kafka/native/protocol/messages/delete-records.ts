import { field, list, message } from '../define.ts'

/** Deletes records before an offset. */
export const deleteRecords = message(
  'DeleteRecords',
  21,
  { valid: '0-2', flexible: '2+' },
  [
    list('topics', [
      field('name', 'string'),
      list('partitions', [field('partitionIndex', 'int32'), field('offset', 'int64')]),
    ]),
    field('timeoutMs', 'int32'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    list('topics', [
      field('name', 'string'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('lowWatermark', 'int64'),
        field('errorCode', 'int16'),
      ]),
    ]),
  ],
)
