import { field, list, message } from '../define.ts'

/** State and members of classic groups. */
export const describeGroups = message(
  'DescribeGroups',
  15,
  { valid: '0-6', flexible: '5+' },
  [list('groups', 'string'), field('includeAuthorizedOperations', 'bool', '3+')],
  [
    field('throttleTimeMs', 'int32', '1+'),
    list('groups', [
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '6+', { nullable: true, default: null }),
      field('groupId', 'string'),
      field('groupState', 'string'),
      field('protocolType', 'string'),
      field('protocolData', 'string'),
      list('members', [
        field('memberId', 'string'),
        field('groupInstanceId', 'string', '4+', { nullable: true, default: null }),
        field('clientId', 'string'),
        field('clientHost', 'string'),
        field('memberMetadata', 'bytes'),
        field('memberAssignment', 'bytes'),
      ]),
      field('authorizedOperations', 'int32', '3+', { default: -2147483648 }),
    ]),
  ],
)
