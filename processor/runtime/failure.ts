import { NotReady } from '../../schemas/serde.ts'
import { LimitError } from '../../topology/errors.ts'
import type { OnFailure } from '../../topology/plan.ts'
import { AppError } from '../errors.ts'
import { TimedFailure } from '../operators/timed-failure.ts'

/** User code threw on a record: the transaction is to be aborted and the record treated by policy. */
export class ProcessingError extends AppError {
  constructor(place: { topic: string; partition: number; offset: number }, cause: unknown) {
    super(
      'PROCESSING',
      `A function of the topology failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { place, cause },
    )
  }
}

/** What `error` means, thrown while the record at `place` was on its way. */
export function failureOf(error: unknown, place: { topic: string; partition: number; offset: number }): unknown {
  // Damage, broken assertions and numbers beyond what is exact are not the record's fault.
  if (error instanceof AppError && error.domain !== 'user') return error
  // Nor is what happens as time goes.
  if (error instanceof TimedFailure) return error
  // A key or a row that cannot be read for now: the transaction begins anew when it can.
  if (error instanceof NotReady) return error
  if (error instanceof LimitError) return new AppError('LIMIT', error.message, { place, cause: error })
  return new ProcessingError(place, error)
}

/** Whether the transaction can be processed again: later, or without the record that failed. */
export const isReplayable = (error: unknown, policy: OnFailure): error is ProcessingError | NotReady =>
  error instanceof NotReady || (error instanceof ProcessingError && policy !== 'fail')

/** Another process has the transactional id. */
export const isFenced = (error: unknown): boolean => error instanceof AppError && error.code === 'FENCED'

/** Named by the client in the cause: the group does not know this member, or its generation, any more. */
export const isMembershipLost = (error: AppError): boolean => {
  const { cause } = error
  return (
    cause instanceof Error &&
    'error' in cause &&
    (cause.error === 'ILLEGAL_GENERATION' || cause.error === 'UNKNOWN_MEMBER_ID')
  )
}

/** A failure that may be over when the tasks are taken up again. */
export const isOutside = (error: AppError): boolean =>
  error.domain === 'external' && error.code !== 'OFFSET_OUT_OF_RANGE' && error.code !== 'STATE_UNREADABLE'
