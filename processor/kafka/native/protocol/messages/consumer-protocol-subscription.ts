import { field, list, payload } from '../define.ts'

/** What a member of a classic group sends to its leader, after two bytes of version. */
export const consumerProtocolSubscription = payload(
  'ConsumerProtocolSubscription',
  { valid: '0-3', flexible: 'none' },
  [
    list('topics', 'string'),
    field('userData', 'bytes', '0+', { nullable: true, default: null }),
    list('ownedPartitions', [field('topic', 'string', '1+'), list('partitions', 'int32', '1+')], '1+'),
    field('generationId', 'int32', '2+', { default: -1 }),
    field('rackId', 'string', '3+', { nullable: true, default: null }),
  ],
)
