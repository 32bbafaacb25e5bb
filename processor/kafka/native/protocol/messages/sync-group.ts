import { field, list, message } from '../define.ts'

/** Brings the leader's assignment in, and each member's own one out. */
export const syncGroup = message(
  'SyncGroup',
  14,
  { valid: '0-5', flexible: '4+' },
  [
    field('groupId', 'string'),
    field('generationId', 'int32'),
    field('memberId', 'string'),
    field('groupInstanceId', 'string', '3+', { nullable: true, default: null }),
    field('protocolType', 'string', '5+', { nullable: true, default: null }),
    field('protocolName', 'string', '5+', { nullable: true, default: null }),
    list('assignments', [field('memberId', 'string'), field('assignment', 'bytes')]),
  ],
  [
    field('throttleTimeMs', 'int32', '1+'),
    field('errorCode', 'int16'),
    field('protocolType', 'string', '5+', { nullable: true, default: null }),
    field('protocolName', 'string', '5+', { nullable: true, default: null }),
    field('assignment', 'bytes'),
  ],
)
