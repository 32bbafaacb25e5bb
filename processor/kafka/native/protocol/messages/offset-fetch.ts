import { field, list, message } from '../define.ts'

/** Committed offsets of groups; with `requireStable` none of a transaction that is being completed (KIP-447). */
export const offsetFetch = message(
  'OffsetFetch',
  9,
  { valid: '1-10', flexible: '6+' },
  [
    field('groupId', 'string', '0-7'),
    list('topics', [field('name', 'string', '0-7'), list('partitionIndexes', 'int32', '0-7')], '0-7', {
      nullable: '2-7',
    }),
    list(
      'groups',
      [
        field('groupId', 'string', '8+'),
        field('memberId', 'string', '9+', { nullable: true, default: null }),
        field('memberEpoch', 'int32', '9+', { default: -1 }),
        list(
          'topics',
          [field('name', 'string', '8-9'), field('topicId', 'uuid', '10+'), list('partitionIndexes', 'int32', '8+')],
          '8+',
          { nullable: true },
        ),
      ],
      '8+',
    ),
    field('requireStable', 'bool', '7+'),
  ],
  [
    field('throttleTimeMs', 'int32', '3+'),
    list(
      'topics',
      [
        field('name', 'string', '0-7'),
        list(
          'partitions',
          [
            field('partitionIndex', 'int32', '0-7'),
            field('committedOffset', 'int64', '0-7'),
            field('committedLeaderEpoch', 'int32', '5-7', { default: -1 }),
            field('metadata', 'string', '0-7', { nullable: true }),
            field('errorCode', 'int16', '0-7'),
          ],
          '0-7',
        ),
      ],
      '0-7',
    ),
    field('errorCode', 'int16', '2-7'),
    list(
      'groups',
      [
        field('groupId', 'string', '8+'),
        list(
          'topics',
          [
            field('name', 'string', '8-9'),
            field('topicId', 'uuid', '10+'),
            list(
              'partitions',
              [
                field('partitionIndex', 'int32', '8+'),
                field('committedOffset', 'int64', '8+'),
                field('committedLeaderEpoch', 'int32', '8+', { default: -1 }),
                field('metadata', 'string', '8+', { nullable: true }),
                field('errorCode', 'int16', '8+'),
              ],
              '8+',
            ),
          ],
          '8+',
        ),
        field('errorCode', 'int16', '8+'),
      ],
      '8+',
    ),
  ],
)
