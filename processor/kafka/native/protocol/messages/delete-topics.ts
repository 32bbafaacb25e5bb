import { field, list, message } from '../define.ts'

/** Deletes topics. */
export const deleteTopics = message(
  'DeleteTopics',
  20,
  { valid: '1-6', flexible: '4+' },
  [
    list(
      'topics',
      [field('name', 'string', '6+', { nullable: true, default: null }), field('topicId', 'uuid', '6+')],
      '6+',
    ),
    list('topicNames', 'string', '0-5'),
    field('timeoutMs', 'int32'),
  ],
  [
    field('throttleTimeMs', 'int32', '1+'),
    list('responses', [
      field('name', 'string', '0+', { nullable: '6+' }),
      field('topicId', 'uuid', '6+'),
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '5+', { nullable: true, default: null }),
    ]),
  ],
)
