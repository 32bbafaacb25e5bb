import type { GroupOptions } from '../../ports.ts'
import { AppError } from '../../errors.ts'
import { isRetriable, nameOf } from './failure.ts'

/** Errors that end a membership, but that joining anew mends. */
const rejoinErrors: ReadonlySet<string | null> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

export const worthRejoining = (error: unknown): boolean => isRetriable(error) || rejoinErrors.has(nameOf(error))

/** What ended a membership for good, for people. */
export function explained(error: unknown, { groupId, instanceId }: GroupOptions): unknown {
  if (nameOf(error) !== 'FENCED_INSTANCE_ID') return error
  return new AppError(
    'FENCED',
    `Another process has joined group ${groupId} under the instance name ${instanceId}, which this one had. ` +
      'It goes on in place of this one. If both are to run, give each a name of its own.',
    { cause: error },
  )
}
