import { AppError, type ErrorCode, errors } from '../errors.ts'

/** An error as it goes from one thread to another: posted as it is, it would lose its class and its code. */
export interface CarriedError {
  readonly name: string
  readonly message: string
  readonly stack: string | null
  /** Of an `AppError`. */
  readonly code: ErrorCode | null
  readonly cause: CarriedError | null
}

export function carry(error: unknown): CarriedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: null, code: null, cause: null }
  const { name, message, stack = null, cause } = error
  const code = error instanceof AppError ? error.code : null
  return { name, message, stack, code, cause: cause === undefined ? null : carry(cause) }
}

/** The error again; its message says already where it happened. */
export function arrive({ name, message, stack, code, cause }: CarriedError): Error {
  const options = cause === null ? {} : { cause: arrive(cause) }
  const error =
    code !== null && Object.hasOwn(errors, code) ? new AppError(code, message, options) : new Error(message, options)
  if (!(error instanceof AppError)) error.name = name
  if (stack !== null) error.stack = stack
  return error
}
