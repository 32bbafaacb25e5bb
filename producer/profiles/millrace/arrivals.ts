import type { Draws } from '../../random.ts'
import { streams } from './streams.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

// Relative intensity by UTC hour, and by day from Monday.
const hourly = [
  0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 0.9, 1.2, 1.3, 1.3, 1.4, 1.6, 1.5, 1.3, 1.2, 1.2, 1.4, 1.6, 1.7, 1.5, 1.1, 0.7,
  0.4,
]
const weekly = [1, 1, 1, 1.05, 1.2, 1.15, 0.8]

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const hourlyMean = mean(hourly)
const weeklyMean = mean(weekly)

/** Payments per second on average, at multiplier 1. */
const baseRate = 20

/** Payments per millisecond at a time. */
export function intensity(timeMs: number, multiplier: number): number {
  // 1970-01-01 was a Thursday.
  const weekday = (Math.floor(timeMs / dayMs) + 3) % 7
  const hour = Math.floor(timeMs / hourMs) % 24
  return ((baseRate * multiplier) / 1000) * (hourly[hour]! / hourlyMean) * (weekly[weekday]! / weeklyMean)
}

/**
 * Sending times of background payments: a Poisson process whose rate follows the hour and the weekday. The rate is
 * constant within an hour, so that an exponential amount of "work" is spent hour by hour; nothing has to be thinned
 * out.
 */
export class Arrivals {
  readonly #draws: Draws
  readonly #multiplier: number
  #time: number
  #hourEnd: number
  #rate: number
  #index = 0

  constructor(draws: Draws, startMs: number, multiplier: number) {
    this.#draws = draws
    this.#multiplier = multiplier
    this.#time = startMs
    this.#hourEnd = (Math.floor(startMs / hourMs) + 1) * hourMs
    this.#rate = intensity(startMs, multiplier)
  }

  /** The next sending time, whole milliseconds. */
  next(): number {
    let work = -Math.log(1 - this.#draws.u(streams.arrival, this.#index++, 0))
    while (work > (this.#hourEnd - this.#time) * this.#rate) {
      work -= (this.#hourEnd - this.#time) * this.#rate
      this.#time = this.#hourEnd
      this.#hourEnd += hourMs
      this.#rate = intensity(this.#time, this.#multiplier)
    }
    this.#time += work / this.#rate
    return Math.floor(this.#time)
  }
}
