import { AppError } from '../errors.ts'

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
