/** A function that is called as time goes: the punctuators of one task. */
interface Timer {
  readonly everyMs: number
  readonly fn: (timeMs: number) => void
  dueMs: number
}

/**
 * Calls on stream time come at multiples of the interval, the first as soon as stream time is known; on wall time one
 * interval after they were asked for, and then at every further one. Missed intervals collapse into one call.
 */
export class Timers {
  readonly #stream: Timer[] = []
  readonly #wall: Timer[] = []
  #resumedMs: number

  /**
   * `resumedMs`: the stream time from which a task goes on after a rollback, -1 without one. The calls up to it are
   * made and committed: timers that are asked for again before the next record are due after it.
   */
  constructor(resumedMs: number) {
    this.#resumedMs = resumedMs
  }

  schedule(everyMs: number, clock: 'stream' | 'wall', fn: (timeMs: number) => void, nowMs: number): () => void {
    const timers = clock === 'stream' ? this.#stream : this.#wall
    const firstMs = this.#resumedMs < 0 ? -Infinity : nextBoundary(this.#resumedMs, everyMs)
    const timer: Timer = { everyMs, fn, dueMs: clock === 'stream' ? firstMs : nowMs + everyMs }
    timers.push(timer)
    return () => {
      const index = timers.indexOf(timer)
      if (index >= 0) timers.splice(index, 1)
    }
  }

  get hasStream(): boolean {
    return this.#stream.length > 0
  }

  get hasWall(): boolean {
    return this.#wall.length > 0
  }

  onStreamTime(timeMs: number): void {
    this.#resumedMs = -1
    for (const timer of this.#stream.slice()) {
      if (timeMs < timer.dueMs) continue
      timer.dueMs = nextBoundary(timeMs, timer.everyMs)
      timer.fn(timeMs)
    }
  }

  onWallTime(nowMs: number): void {
    for (const timer of this.#wall.slice()) {
      if (nowMs < timer.dueMs) continue
      timer.dueMs += (Math.floor((nowMs - timer.dueMs) / timer.everyMs) + 1) * timer.everyMs
      timer.fn(nowMs)
    }
  }
}

const nextBoundary = (timeMs: number, everyMs: number): number => (Math.floor(timeMs / everyMs) + 1) * everyMs
