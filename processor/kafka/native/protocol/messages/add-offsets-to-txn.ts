import { field, message } from '../define.ts'

/** Adds a group's offsets to a transaction (transaction version 1). */
export const addOffsetsToTxn = message(
  'AddOffsetsToTxn',
  25,
  { valid: '0-4', flexible: '3+' },
  [
    field('transactionalId', 'string'),
    field('producerId', 'int64'),
    field('producerEpoch', 'int16'),
    field('groupId', 'string'),
  ],
  [field('throttleTimeMs', 'int32'), field('errorCode', 'int16')],
)
