import { field, list, message } from '../define.ts'

/** Creates topics. */
export const createTopics = message(
  'CreateTopics',
  19,
  { valid: '2-7', flexible: '5+' },
  [
    list('topics', [
      field('name', 'string'),
      field('numPartitions', 'int32'),
      field('replicationFactor', 'int16'),
      list('assignments', [field('partitionIndex', 'int32'), list('brokerIds', 'int32')]),
      list('configs', [field('name', 'string'), field('value', 'string', '0+', { nullable: true })]),
    ]),
    field('timeoutMs', 'int32', '0+', { default: 60000 }),
    field('validateOnly', 'bool', '1+'),
  ],
  [
    field('throttleTimeMs', 'int32', '2+'),
    list('topics', [
      field('name', 'string'),
      field('topicId', 'uuid', '7+'),
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '1+', { nullable: '0+' }),
      field('topicConfigErrorCode', 'int16', '5+', { tag: 0 }),
      field('numPartitions', 'int32', '5+', { default: -1 }),
      field('replicationFactor', 'int16', '5+', { default: -1 }),
      list(
        'configs',
        [
          field('name', 'string', '5+'),
          field('value', 'string', '5+', { nullable: true }),
          field('readOnly', 'bool', '5+'),
          field('configSource', 'int8', '5+', { default: -1 }),
          field('isSensitive', 'bool', '5+'),
        ],
        '5+',
        { nullable: true },
      ),
    ]),
  ],
)
