import type { Clock } from '../ports.ts'

/**
 * What becomes of a thread that crashed: an uncaught exception, memory that ran out, `process.exit` in user code.
 * `replace`: another takes its place, up to 3 times in 5 minutes over all threads; then the process stops after all.
 * `stop`: all threads stop in good order, and the application ends with an error that names the thread.
 */
export type OnCrash = 'replace' | 'stop'

const windowMs = 5 * 60_000
const replacementsMost = 3
const firstPauseMs = 1000

/** Decides about one crash after the other. A record that brings every thread down must not do so for ever. */
export class CrashPolicy {
  readonly #onCrash: OnCrash
  readonly #clock: Clock
  #crashes: number[] = []

  constructor(onCrash: OnCrash, clock: Clock) {
    this.#onCrash = onCrash
    this.#clock = clock
  }

  /** After how long the thread that has crashed now is replaced: the first at once. Null: it is not. */
  pauseMs(): number | null {
    const nowMs = this.#clock.monotonic()
    this.#crashes = [...this.#crashes.filter(atMs => nowMs - atMs < windowMs), nowMs]
    const count = this.#crashes.length
    if (this.#onCrash === 'stop' || count > replacementsMost) return null
    return count === 1 ? 0 : firstPauseMs * 2 ** (count - 2)
  }

  /** Why it is not replaced; for messages. */
  get reason(): string {
    return this.#onCrash === 'stop'
      ? 'Crashes stop the application, by its policy.'
      : `It is not replaced: ${this.#crashes.length} crashes in ${windowMs / 60_000} minutes are not chance.`
  }
}
