import type { Scheduler } from '../ports.ts'

type Act = (done: () => void) => Promise<void> | void

/**
 * What others want of a loop: it is done between two turns, so that nothing changes in the middle of one. When the loop
 * has been told to stop, nothing is begun any more; whoever asked waits until it has come to its end.
 */
export class Inbox {
  readonly #scheduler: Scheduler
  readonly #stopping: AbortSignal
  readonly #acts: { readonly act: Act; readonly done: () => void }[] = []
  readonly #waiting = new Set<() => void>()
  readonly #closing = new AbortController()
  #wake: () => void = () => undefined

  constructor(scheduler: Scheduler, stopping: AbortSignal) {
    this.#scheduler = scheduler
    this.#stopping = stopping
    stopping.addEventListener('abort', () => this.wake())
  }

  /** Aborted by `close`. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** Has the loop call `act`; resolves when that calls `done`, or the loop has ended. */
  run(act: Act): Promise<void> {
    if (this.closed.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        this.#waiting.delete(done)
        resolve()
      }
      this.#waiting.add(done)
      if (!this.#stopping.aborted) this.#acts.push({ act, done })
      this.wake()
    })
  }

  /** Does what has come. */
  async work(): Promise<void> {
    for (let next = this.#acts.shift(); next !== undefined; next = this.#acts.shift()) await next.act(next.done)
  }

  /** Ends `sleep`, and aborts the last `waking`. */
  wake(): void {
    this.#wake()
  }

  /** Aborted when something happens; at once if something has. */
  waking(): AbortSignal {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    if (this.#acts.length > 0 || this.#stopping.aborted) woken.abort()
    return woken.signal
  }

  /** Until `ms` have passed or something happens. */
  async sleep(ms: number): Promise<void> {
    const waking = this.waking()
    if (!waking.aborted) await this.#scheduler.sleep(ms, waking)
  }

  /** The loop has ended, and nothing is left of what it worked on. */
  close(): void {
    this.#closing.abort()
    this.#acts.length = 0
    for (const done of this.#waiting) done()
  }
}
