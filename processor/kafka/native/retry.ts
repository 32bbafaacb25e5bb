import type { World } from '../../ports.ts'
import { AppError } from '../../errors.ts'
import { isRetriable, messageOf } from './failure.ts'

export interface RetryOptions {
  /** What is being tried, as in "Produce to payments-3": for the log and the error. */
  readonly what: string
  readonly signal: AbortSignal
  /** How long retriable errors are borne. `Infinity`: until `signal` is aborted. */
  readonly deadlineMs: number
  /** Which errors are worth another attempt, when that differs from the protocol's own mark. */
  readonly retriable?: (error: unknown) => boolean
}

const longestPauseMs = 1_000
const firstPauseMs = 5
const logEveryMs = 10_000

/**
 * 5 ms, 10 ms, 20 ms ... 1 s, each off by up to a fifth, so that clients that failed together do not come back
 * together.
 */
export function pauseMs(world: World, failures: number): number {
  const plain = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 20))
  return plain * (0.8 + 0.4 * world.random.next())
}

export function closedError(what: string): AppError {
  return new AppError('KAFKA_RETRIABLE', `${what}: given up, because the client was closed.`)
}

/** Repeats `attempt` while it fails with an error that waiting may mend. */
export async function retrying<Result>(
  world: World,
  options: RetryOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const { what, signal, deadlineMs, retriable = isRetriable } = options
  const startedMs = world.clock.monotonic()
  let loggedMs = startedMs
  for (let failures = 1; ; failures++) {
    if (signal.aborted) throw closedError(what)
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw closedError(what)
      if (!retriable(error)) throw error
      const nowMs = world.clock.monotonic()
      if (nowMs - startedMs >= deadlineMs) throw tooLong(what, nowMs - startedMs, error)
      if (nowMs - loggedMs >= logEveryMs) {
        loggedMs = nowMs
        world.log.warn({ failures, waitedMs: Math.round(nowMs - startedMs) }, `${what}: ${messageOf(error)} Trying on.`)
      }
      await world.scheduler.sleep(Math.min(pauseMs(world, failures), startedMs + deadlineMs - nowMs), signal)
    }
  }
}

function tooLong(what: string, waitedMs: number, cause: unknown): AppError {
  const seconds = (waitedMs / 1000).toFixed(1)
  return new AppError('KAFKA_RETRIABLE', `${what} did not succeed within ${seconds} s: ${messageOf(cause)}`, { cause })
}
