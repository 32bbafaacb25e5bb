import type { Buffer } from 'node:buffer'
import { NotReady, type Serde } from '../../schemas/serde.ts'
import { LimitError } from '../../topology/errors.ts'
import { AppError } from '../errors.ts'

/**
 * A function of the topology threw while a window closed or a timer fired. Time does not stand still for the record
 * that moved it, and the next one would meet the same: so no record is rejected for it, by no policy, and the
 * application ends.
 */
export class TimedFailure extends AppError {}

/** What `error` means, thrown while `what` happened: `window [0, 60000) of 'per-minute' closed for the key "a"`. */
export function timedFailure(error: unknown, what: string): unknown {
  // One step's results may move another's time: the inner one is told.
  if (error instanceof TimedFailure || error instanceof NotReady) return error
  if (error instanceof AppError && error.domain !== 'user') return error
  return new TimedFailure(
    error instanceof LimitError ? 'LIMIT' : 'PROCESSING',
    `A function of the topology failed when ${what}: ${error instanceof Error ? error.message : String(error)}. ` +
      'No record is to blame, so none is rejected. Correct the function and start again: it goes on from what is committed.',
    { cause: error },
  )
}

const shownMost = 200

/** A key for people: as JSON, or its bytes in hex when it cannot be read. */
export function showKey(bytes: Buffer, serde: Pick<Serde<unknown>, 'read'>): string {
  let shown: string
  try {
    shown = JSON.stringify(serde.read(bytes, 0, bytes.length), (_name, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
  } catch {
    shown = bytes.toString('hex')
  }
  return shown.length > shownMost ? `${shown.slice(0, shownMost)}...` : shown
}
