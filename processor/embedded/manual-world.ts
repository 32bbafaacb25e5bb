import type { Clock, Random, Scheduler, World } from '../ports.ts'
import { silentLog, systemWorld } from '../world.ts'

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** A world whose time stands still until it is moved. For tests of what waits. */
export interface ManualWorld extends World {
  /** Moves the time, waking sleepers in the order of their times, and lets all that follows from each run first. */
  advance(ms: number): Promise<void>
  /** Lets everything that is ready run, without moving the time. */
  settle(): Promise<void>
}

// The continuations of one wake-up go through promises and immediates only; this many turns run them to their end.
const turnsToSettle = 20

export function manualWorld(options: { startMs?: number; seed?: number } = {}): ManualWorld {
  let now = options.startMs ?? 1_700_000_000_000
  const start = now
  let seed = options.seed ?? 1
  const sleepers = new Set<Sleeper>()

  const clock: Clock = { now: () => now, monotonic: () => now - start }
  const random: Random = {
    // A linear congruential generator (Numerical Recipes): the same names in every run.
    next() {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return seed / 0x1_0000_0000
    },
  }
  const scheduler: Scheduler = {
    sleep(ms, signal) {
      if (signal?.aborted === true) return Promise.resolve()
      return new Promise(resolve => {
        const sleeper = {
          at: now + Math.max(0, ms),
          wake() {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', sleeper.wake)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', sleeper.wake)
      })
    },
    yield: systemWorld(silentLog).scheduler.yield,
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < turnsToSettle; turn++) await scheduler.yield()
  }

  async function advance(ms: number): Promise<void> {
    const end = now + ms
    await settle()
    for (;;) {
      let next: Sleeper | null = null
      for (const sleeper of sleepers) if (sleeper.at <= end && (next === null || sleeper.at < next.at)) next = sleeper
      if (next === null) break
      now = Math.max(now, next.at)
      next.wake()
      await settle()
    }
    now = end
  }

  return { clock, random, scheduler, log: silentLog, advance, settle }
}
