import { field, message } from '../define.ts'

/** A producer id and epoch; fences older holders of the transactional id. -1 and -1 ask for new ones. */
export const initProducerId = message(
  'InitProducerId',
  22,
  { valid: '0-6', flexible: '2+', unstable: true },
  [
    field('transactionalId', 'string', '0+', { nullable: true }),
    field('transactionTimeoutMs', 'int32'),
    field('producerId', 'int64', '3+', { default: -1 }),
    field('producerEpoch', 'int16', '3+', { default: -1 }),
    field('enable2Pc', 'bool', '6+'),
    field('keepPreparedTxn', 'bool', '6+'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    field('errorCode', 'int16'),
    field('producerId', 'int64', '0+', { default: -1 }),
    field('producerEpoch', 'int16'),
    field('ongoingTxnProducerId', 'int64', '6+', { default: -1 }),
    field('ongoingTxnProducerEpoch', 'int16', '6+', { default: -1 }),
  ],
)
