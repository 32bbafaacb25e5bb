import { field, list, message } from '../define.ts'

/** Takes members out of a classic group. */
export const leaveGroup = message(
  'LeaveGroup',
  13,
  { valid: '0-5', flexible: '4+' },
  [
    field('groupId', 'string'),
    field('memberId', 'string', '0-2'),
    list(
      'members',
      [
        field('memberId', 'string', '3+'),
        field('groupInstanceId', 'string', '3+', { nullable: true, default: null }),
        field('reason', 'string', '5+', { nullable: true, default: null }),
      ],
      '3+',
    ),
  ],
  [
    field('throttleTimeMs', 'int32', '1+'),
    field('errorCode', 'int16'),
    list(
      'members',
      [
        field('memberId', 'string', '3+'),
        field('groupInstanceId', 'string', '3+', { nullable: true }),
        field('errorCode', 'int16', '3+'),
      ],
      '3+',
    ),
  ],
)
