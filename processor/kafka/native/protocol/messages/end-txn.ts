import { field, message } from '../define.ts'

/** Commits or aborts. From version 5 on it answers the producer id and epoch of the next transaction (KIP-890). */
export const endTxn = message(
  'EndTxn',
  26,
  { valid: '0-5', flexible: '3+' },
  [
    field('transactionalId', 'string'),
    field('producerId', 'int64'),
    field('producerEpoch', 'int16'),
    field('committed', 'bool'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    field('errorCode', 'int16'),
    field('producerId', 'int64', '5+', { default: -1 }),
    field('producerEpoch', 'int16', '5+', { default: -1 }),
  ],
)
