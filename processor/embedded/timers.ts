import type { World } from '../ports.ts'

/** Deadlines on the scheduler of the world. `close` ends every sleep, so that nothing keeps the process alive. */
export class Timers {
  readonly #world: World
  readonly #running = new Set<Timer>()

  constructor(world: World) {
    this.#world = world
  }

  timer(action: () => void): Timer {
    return new Timer(this.#world, this.#running, action)
  }

  close(): void {
    for (const timer of this.#running) timer.stop()
  }
}

/**
 * One deadline that can be moved. Moving it to a later time costs nothing: the sleep that runs already looks at the
 * deadline when it ends, and sleeps on. Heartbeats move theirs all the time.
 */
export class Timer {
  readonly #world: World
  readonly #running: Set<Timer>
  readonly #action: () => void
  #deadline = Infinity
  #wakesAt = Infinity
  #abort: AbortController | null = null

  constructor(world: World, running: Set<Timer>, action: () => void) {
    this.#world = world
    this.#running = running
    this.#action = action
  }

  /** Runs the action in `ms`, instead of at the time set before. */
  set(ms: number): void {
    this.#deadline = this.#world.clock.monotonic() + ms
    if (this.#wakesAt <= this.#deadline) return
    this.#abort?.abort()
    void this.#sleep()
  }

  /** The action does not run; a sleep under way ends by itself. For a timer that is soon set again. */
  cancel(): void {
    this.#deadline = Infinity
  }

  /** As `cancel`, and ends the sleep. For a timer that is not used again. */
  stop(): void {
    this.cancel()
    this.#abort?.abort()
    this.#abort = null
    this.#wakesAt = Infinity
    this.#running.delete(this)
  }

  async #sleep(): Promise<void> {
    const abort = new AbortController()
    this.#abort = abort
    this.#running.add(this)
    while (this.#deadline !== Infinity) {
      this.#wakesAt = this.#deadline
      await this.#world.scheduler.sleep(this.#deadline - this.#world.clock.monotonic(), abort.signal)
      if (abort.signal.aborted) return
      if (this.#world.clock.monotonic() >= this.#deadline) break
    }
    const due = this.#deadline !== Infinity
    this.stop()
    if (due) this.#action()
  }
}
