import { field, message } from '../define.ts'

/** Keeps a member of a classic group alive, and tells it of a rebalance. */
export const heartbeat = message(
  'Heartbeat',
  12,
  { valid: '0-4', flexible: '4+' },
  [
    field('groupId', 'string'),
    field('generationId', 'int32'),
    field('memberId', 'string'),
    field('groupInstanceId', 'string', '3+', { nullable: true, default: null }),
  ],
  [field('throttleTimeMs', 'int32', '1+'), field('errorCode', 'int16')],
)
