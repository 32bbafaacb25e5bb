import type { Clock, Scheduler } from '../processor/ports.ts'
import type { Emission, Feed } from './emission.ts'
import type { Sink } from './sink.ts'

export interface PumpOptions {
  readonly feed: Feed
  readonly sink: Sink
  readonly clock: Clock
  readonly scheduler: Scheduler
  /** Records sent per second of wall clock; null: as fast as the sink takes them. */
  readonly ratePerSecond: number | null
  /** Largest number of records handed over at a time. */
  readonly batchSize?: number
  /** Whether the end of the feed is marked in every partition. Not done when stopped by `signal`. */
  readonly endMarks?: boolean
  /** Ends the pump after the batch under way. */
  readonly signal?: AbortSignal
  /** Called after each batch that is acknowledged. */
  readonly onBatch?: (batch: readonly Emission[], progress: PumpProgress) => void
}

export interface PumpProgress {
  /** Records sent and acknowledged. */
  readonly records: number
  readonly elapsedMs: number
}

export interface PumpResult extends PumpProgress {
  /** Whether the feed came to its end; false: stopped by the signal. */
  readonly complete: boolean
}

/** A slow rate is not sent in larger steps than this, and a waiting pump looks again at least this often. */
const stepMs = 20

/** Moves a feed into a sink until the feed ends or the signal is given. Closes neither of them. */
export async function pump(options: PumpOptions): Promise<PumpResult> {
  const { feed, sink, clock, scheduler, ratePerSecond, batchSize = 2000, signal } = options
  if (ratePerSecond !== null && !(ratePerSecond > 0)) {
    throw new RangeError(`The rate is ${ratePerSecond} records/s; it must be above 0.`)
  }
  const startMs = clock.monotonic()
  let records = 0
  while (signal?.aborted !== true) {
    const allowed = ratePerSecond === null ? batchSize : due(ratePerSecond, clock.monotonic() - startMs) - records
    if (allowed < 1) {
      await scheduler.sleep(untilNext(ratePerSecond!, records, clock.monotonic() - startMs), signal)
      continue
    }
    const batch = await feed.pull(Math.min(allowed, batchSize))
    if (batch.length === 0) {
      await sink.finish({ endMarks: options.endMarks ?? false })
      return { records, elapsedMs: clock.monotonic() - startMs, complete: true }
    }
    await sink.send(batch)
    records += batch.length
    options.onBatch?.(batch, { records, elapsedMs: clock.monotonic() - startMs })
    // Sinks may resolve without ever leaving this turn; the consumer in the same process has to get its share.
    await scheduler.yield()
  }
  // Stopped early: labels that are not due yet stay untold.
  return { records, elapsedMs: clock.monotonic() - startMs, complete: false }
}

/** How many records should be sent by now. The first one is due at once. */
const due = (ratePerSecond: number, elapsedMs: number): number => Math.floor((elapsedMs / 1000) * ratePerSecond) + 1

const untilNext = (ratePerSecond: number, records: number, elapsedMs: number): number =>
  Math.max(stepMs, (records / ratePerSecond) * 1000 - elapsedMs)
