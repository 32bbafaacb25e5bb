import { type Field, field, list, message } from '../define.ts'

const addPartitionsToTxnPartitionResult: readonly Field[] = [
  field('partitionIndex', 'int32'),
  field('partitionErrorCode', 'int16'),
]

const addPartitionsToTxnTopicResult: readonly Field[] = [
  field('name', 'string'),
  list('resultsByPartition', addPartitionsToTxnPartitionResult),
]

const addPartitionsToTxnTopic: readonly Field[] = [field('name', 'string'), list('partitions', 'int32')]

/** Adds partitions to a transaction (transaction version 1). From version 4 on it is for brokers only. */
export const addPartitionsToTxn = message(
  'AddPartitionsToTxn',
  24,
  { valid: '0-5', flexible: '3+' },
  [
    list(
      'transactions',
      [
        field('transactionalId', 'string', '4+'),
        field('producerId', 'int64', '4+'),
        field('producerEpoch', 'int16', '4+'),
        field('verifyOnly', 'bool', '4+'),
        list('topics', addPartitionsToTxnTopic, '4+'),
      ],
      '4+',
    ),
    field('v3AndBelowTransactionalId', 'string', '0-3'),
    field('v3AndBelowProducerId', 'int64', '0-3'),
    field('v3AndBelowProducerEpoch', 'int16', '0-3'),
    list('v3AndBelowTopics', addPartitionsToTxnTopic, '0-3'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    field('errorCode', 'int16', '4+'),
    list(
      'resultsByTransaction',
      [field('transactionalId', 'string', '4+'), list('topicResults', addPartitionsToTxnTopicResult, '4+')],
      '4+',
    ),
    list('resultsByTopicV3AndBelow', addPartitionsToTxnTopicResult, '0-3'),
  ],
)
