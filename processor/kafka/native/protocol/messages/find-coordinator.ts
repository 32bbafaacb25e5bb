import { field, list, message } from '../define.ts'

/** The broker that coordinates a group (key type 0) or a transactional id (key type 1). */
export const findCoordinator = message(
  'FindCoordinator',
  10,
  { valid: '0-6', flexible: '3+' },
  [field('key', 'string', '0-3'), field('keyType', 'int8', '1+'), list('coordinatorKeys', 'string', '4+')],
  [
    field('throttleTimeMs', 'int32', '1+'),
    field('errorCode', 'int16', '0-3'),
    field('errorMessage', 'string', '1-3', { nullable: true }),
    field('nodeId', 'int32', '0-3'),
    field('host', 'string', '0-3'),
    field('port', 'int32', '0-3'),
    list(
      'coordinators',
      [
        field('key', 'string', '4+'),
        field('nodeId', 'int32', '4+'),
        field('host', 'string', '4+'),
        field('port', 'int32', '4+'),
        field('errorCode', 'int16', '4+'),
        field('errorMessage', 'string', '4+', { nullable: true }),
      ],
      '4+',
    ),
  ],
)
