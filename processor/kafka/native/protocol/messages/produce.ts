import { field, list, message, struct } from '../define.ts'

/** Record batches to append. From version 12 on it also adds the partition to the transaction (KIP-890). */
export const produce = message(
  'Produce',
  0,
  { valid: '3-13', flexible: '9+' },
  [
    field('transactionalId', 'string', '3+', { nullable: true, default: null }),
    field('acks', 'int16'),
    field('timeoutMs', 'int32'),
    list('topicData', [
      field('name', 'string', '0-12'),
      field('topicId', 'uuid', '13+'),
      list('partitionData', [field('index', 'int32'), field('records', 'records', '0+', { nullable: true })]),
    ]),
  ],
  [
    list('responses', [
      field('name', 'string', '0-12'),
      field('topicId', 'uuid', '13+'),
      list('partitionResponses', [
        field('index', 'int32'),
        field('errorCode', 'int16'),
        field('baseOffset', 'int64'),
        field('logAppendTimeMs', 'int64', '2+', { default: -1 }),
        field('logStartOffset', 'int64', '5+', { default: -1 }),
        list(
          'recordErrors',
          [
            field('batchIndex', 'int32', '8+'),
            field('batchIndexErrorMessage', 'string', '8+', { nullable: true, default: null }),
          ],
          '8+',
        ),
        field('errorMessage', 'string', '8+', { nullable: true, default: null }),
        struct(
          'currentLeader',
          [field('leaderId', 'int32', '10+', { default: -1 }), field('leaderEpoch', 'int32', '10+', { default: -1 })],
          '10+',
          { tag: 0 },
        ),
      ]),
    ]),
    field('throttleTimeMs', 'int32', '1+'),
    list(
      'nodeEndpoints',
      [
        field('nodeId', 'int32', '10+'),
        field('host', 'string', '10+'),
        field('port', 'int32', '10+'),
        field('rack', 'string', '10+', { nullable: true, default: null }),
      ],
      '10+',
      { tag: 0 },
    ),
  ],
)
