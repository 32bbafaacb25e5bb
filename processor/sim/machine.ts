import type { Log, World } from '../ports.ts'
import type { Draws } from './draws.ts'
import type { Timeline } from './timeline.ts'

export interface MachineOptions {
  readonly name: string
  readonly timeline: Timeline
  readonly draws: Draws
  readonly log: Log
  /** What each look at the clock costs but the first of an event: work takes time for those who watch it passing. */
  readonly lookMs: () => number
  /** How long a turn of the event loop takes. */
  readonly yieldMs: number
  /** Pausing stops its clock too, as for a broker whose timers begin anew when it is back. */
  readonly freezesClock?: boolean
}

/** Kills at a port: `skips` crossings that match pass before. */
export interface Ambush {
  matches(port: string): boolean
  skips: number
  onSprung(): void
}

/** Far from zero, so that nobody takes a wall clock for a duration. */
export const epochMs = 1_700_000_000_000

export const never = (): Promise<never> => new Promise(() => undefined)

/**
 * A process on the virtual timeline, and all that it has of the world. Killed, nothing that it waits for comes any
 * more; paused, what comes is held back until it goes on, as with SIGSTOP. Each call through one of its ports is a
 * crossing: a place where it may be killed.
 */
export class Machine {
  readonly name: string
  readonly world: World
  readonly timeline: Timeline
  readonly #options: MachineOptions
  readonly #held: (() => void)[] = []
  /** What has come while it was at work, in order. */
  readonly #backlog: (() => void)[] = []
  readonly #onDeath: (() => void)[] = []
  readonly #bornUs: number
  #busyUntilUs = 0
  #lookedAt = -1
  #frozenUs = 0
  #pausedAtUs = 0
  isDead = false
  isPaused = false
  /** Wall clock against that of the others. */
  skewMs = 0
  ambush: Ambush | null = null
  /** It was paused for longer than its session, and has gone on. */
  isZombie = false
  /** Told of every crossing. */
  onCrossing: ((port: string) => void) | null = null

  constructor(options: MachineOptions) {
    this.#options = options
    this.name = options.name
    this.timeline = options.timeline
    this.#bornUs = options.timeline.nowUs
    this.world = this.#makeWorld()
  }

  onDeath(act: () => void): void {
    this.#onDeath.push(act)
  }

  kill(): void {
    if (this.isDead) return
    this.isDead = true
    this.#held.length = 0
    this.#backlog.length = 0
    for (const act of this.#onDeath) act()
  }

  pause(): void {
    if (this.isDead || this.isPaused) return
    this.isPaused = true
    this.#pausedAtUs = this.timeline.nowUs
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    if (this.#options.freezesClock === true) this.#frozenUs += this.timeline.nowUs - this.#pausedAtUs
    for (const act of this.#held.splice(0)) this.timeline.after(0, () => this.deliver(act))
  }

  /** A call through a port. False: the process is dead, and the call must never answer. */
  crossing(port: string): boolean {
    if (this.isDead) return false
    this.onCrossing?.(port)
    const { ambush } = this
    if (ambush === null || !ambush.matches(port)) return true
    if (ambush.skips-- > 0) return true
    this.ambush = null
    ambush.onSprung()
    this.kill()
    return false
  }

  after(ms: number, act: () => void): void {
    this.timeline.after(ms, () => this.deliver(act))
  }

  /** Something arrives at the process: now, when it is through with what it does, when it goes on, or never. */
  deliver(act: () => void): void {
    if (this.isDead) return
    if (this.isPaused) this.#held.push(act)
    else if (this.#backlog.length === 0 && this.timeline.nowUs >= this.#busyUntilUs) act()
    else if (this.#backlog.push(act) === 1) this.#whenFree()
  }

  #whenFree(): void {
    this.timeline.at(this.#busyUntilUs, () => {
      if (this.isPaused) this.#held.unshift(...this.#backlog.splice(0))
      const act = this.#backlog.shift()
      act?.()
      if (this.#backlog.length > 0) this.#whenFree()
    })
  }

  #elapsedUs(): number {
    const { lookMs } = this.#options
    const { nowUs, events } = this.timeline
    if (this.#lookedAt === events) this.#busyUntilUs = Math.max(nowUs, this.#busyUntilUs) + Math.round(lookMs() * 1000)
    this.#lookedAt = events
    return Math.max(nowUs, this.#busyUntilUs) - this.#bornUs - this.#frozenUs
  }

  #makeWorld(): World {
    const { draws, yieldMs, log } = this.#options
    return {
      clock: {
        now: () =>
          Math.floor(epochMs + this.timeline.skippedMs + this.skewMs + (this.#elapsedUs() + this.#bornUs) / 1000),
        monotonic: () => this.#elapsedUs() / 1000,
      },
      random: { next: () => draws.next() },
      scheduler: {
        sleep: (ms, signal) => {
          if (!this.crossing('sleep')) return never()
          if (signal?.aborted === true) return Promise.resolve()
          return new Promise(resolve => {
            const wake = (): void => {
              signal?.removeEventListener('abort', wake)
              resolve()
            }
            // A microsecond at least: who sleeps for a rounding error must not stop the time.
            if (ms !== Infinity) this.after(Math.max(0.001, ms), wake)
            signal?.addEventListener('abort', wake)
          })
        },
        yield: () => (this.crossing('yield') ? new Promise(resolve => this.after(yieldMs, resolve)) : never()),
      },
      log,
    }
  }
}
