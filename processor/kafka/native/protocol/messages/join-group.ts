import { field, list, message } from '../define.ts'

/** Enters a classic group; answered when the rebalance has all its members. The leader gets all subscriptions. */
export const joinGroup = message(
  'JoinGroup',
  11,
  { valid: '0-9', flexible: '6+' },
  [
    field('groupId', 'string'),
    field('sessionTimeoutMs', 'int32'),
    field('rebalanceTimeoutMs', 'int32', '1+', { default: -1 }),
    field('memberId', 'string'),
    field('groupInstanceId', 'string', '5+', { nullable: true, default: null }),
    field('protocolType', 'string'),
    list('protocols', [field('name', 'string'), field('metadata', 'bytes')]),
    field('reason', 'string', '8+', { nullable: true, default: null }),
  ],
  [
    field('throttleTimeMs', 'int32', '2+'),
    field('errorCode', 'int16'),
    field('generationId', 'int32', '0+', { default: -1 }),
    field('protocolType', 'string', '7+', { nullable: true, default: null }),
    field('protocolName', 'string', '0+', { nullable: '7+' }),
    field('leader', 'string'),
    field('skipAssignment', 'bool', '9+'),
    field('memberId', 'string'),
    list('members', [
      field('memberId', 'string'),
      field('groupInstanceId', 'string', '5+', { nullable: true, default: null }),
      field('metadata', 'bytes'),
    ]),
  ],
)
