import type { Clock } from '../ports.ts'

const windowMs = 5000
const commitsKept = 100

/** Turns counts into rates over the last seconds, and keeps how long the last commits took. */
export class Meter {
  readonly #clock: Clock
  readonly #startMs: number
  #samples: { readonly atMs: number; readonly payments: number; readonly alerts: number }[] = []
  #commitsMs: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonic()
  }

  get elapsedSeconds(): number {
    return (this.#clock.monotonic() - this.#startMs) / 1000
  }

  committed(seconds: number): void {
    this.#commitsMs.push(seconds * 1000)
    if (this.#commitsMs.length > commitsKept) this.#commitsMs.shift()
  }

  get commitMs(): { median: number; longest: number } | null {
    if (this.#commitsMs.length === 0) return null
    const ordered = this.#commitsMs.toSorted((a, b) => a - b)
    return { median: ordered[ordered.length >> 1]!, longest: ordered.at(-1)! }
  }

  /** Takes the counts of now, and answers how fast they grew. */
  rates(payments: number, alerts: number): { paymentsPerSecond: number; alertsPerSecond: number } {
    const atMs = this.#clock.monotonic()
    this.#samples.push({ atMs, payments, alerts })
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - windowMs) this.#samples.shift()
    const first = this.#samples[0]!
    const seconds = (atMs - first.atMs) / 1000
    if (seconds <= 0) return { paymentsPerSecond: 0, alertsPerSecond: 0 }
    return {
      paymentsPerSecond: (payments - first.payments) / seconds,
      alertsPerSecond: (alerts - first.alerts) / seconds,
    }
  }
}
