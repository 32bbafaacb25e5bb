/**
 * Whose fault it is: the user's (definition, configuration, data), something outside (broker, registry, disk), or ours.
 */
export type Domain = 'user' | 'external' | 'internal'

/** Every coded error of the engine: who is to act, and whether waiting helps. */
export const errors = {
  CONFIG: { domain: 'user', retry: 'never' },
  TOPOLOGY: { domain: 'user', retry: 'never' },
  TOPIC_MISSING: { domain: 'user', retry: 'never' },
  PARTITIONS_DIFFER: { domain: 'user', retry: 'never' },
  STATE_IN_USE: { domain: 'user', retry: 'never' },
  STATE_BUSY: { domain: 'external', retry: 'backoff' },
  STATE_UNREADABLE: { domain: 'external', retry: 'never' },
  STATE_CORRUPT: { domain: 'external', retry: 'never' },
  CAPABILITY: { domain: 'user', retry: 'never' },
  KAFKA: { domain: 'external', retry: 'never' },
  KAFKA_RETRIABLE: { domain: 'external', retry: 'backoff' },
  FENCED: { domain: 'external', retry: 'never' },
  OFFSET_OUT_OF_RANGE: { domain: 'external', retry: 'never' },
  PROCESSING: { domain: 'user', retry: 'never' },
  DECODE: { domain: 'user', retry: 'never' },
  LIMIT: { domain: 'user', retry: 'never' },
  THREAD_CRASHED: { domain: 'internal', retry: 'never' },
  THREAD_STUCK: { domain: 'user', retry: 'never' },
  ASSERTION: { domain: 'internal', retry: 'never' },
} as const satisfies Record<string, { domain: Domain; retry: 'never' | 'backoff' }>

export type ErrorCode = keyof typeof errors

export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset?: number
}

export class AppError extends Error {
  override readonly name: string = 'AppError'
  readonly code: ErrorCode
  readonly place: Place | null

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; place?: Place } = {}) {
    const place = options.place ?? null
    super(place === null ? message : `${message} (${placeName(place)})`, { cause: options.cause })
    this.code = code
    this.place = place
  }

  get domain(): Domain {
    return errors[this.code].domain
  }

  get retriable(): boolean {
    return errors[this.code].retry === 'backoff'
  }
}

export const placeName = (place: Place): string =>
  `${place.topic}-${place.partition}${place.offset === undefined ? '' : `@${place.offset}`}`

/** What was thrown, as an error: libraries may throw anything. */
export const asError = (thrown: unknown): Error =>
  thrown instanceof Error
    ? thrown
    : new AppError('ASSERTION', `Something that is no error was thrown: ${String(thrown)}`)

/** An assertion of ours: stays on in production, ends the task. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AppError('ASSERTION', message)
}
