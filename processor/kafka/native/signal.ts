import type { Scheduler } from '../../ports.ts'

/** Something to wait for that happens again and again. Who waits is told of what comes after. */
export class Bell {
  #waiting: (() => void)[] = []

  ring(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const go of waiting) go()
  }

  heard(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Resolves at the next ring, or after `ms`. */
  async heardWithin(ms: number, scheduler: Scheduler): Promise<void> {
    const late = new AbortController()
    await Promise.race([this.heard(), scheduler.sleep(ms, late.signal)])
    late.abort()
  }
}
