import { field, list, message } from '../define.ts'

/** Transactions that a broker coordinates (KIP-664); of all brokers together, those of the cluster. */
export const listTransactions = message(
  'ListTransactions',
  66,
  { valid: '0-2', flexible: '0+' },
  [
    list('stateFilters', 'string'),
    list('producerIdFilters', 'int64'),
    field('durationFilter', 'int64', '1+', { default: -1 }),
    field('transactionalIdPattern', 'string', '2+', { nullable: true, default: null }),
  ],
  [
    field('throttleTimeMs', 'int32'),
    field('errorCode', 'int16'),
    list('unknownStateFilters', 'string'),
    list('transactionStates', [
      field('transactionalId', 'string'),
      field('producerId', 'int64'),
      field('transactionState', 'string'),
    ]),
  ],
)
