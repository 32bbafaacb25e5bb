import { missing } from './required.ts'
import type { RunResult } from './run.ts'
import { Counts } from './trace.ts'

export interface BatchResult {
  readonly passed: number
  readonly failed: readonly RunResult[]
  readonly counts: Counts
  /** What was never hit, and should have been. */
  readonly vacuous: readonly string[]
}

/** Adds up what the seeds of a batch say. */
export class Batch {
  readonly counts = new Counts()
  readonly #failed: RunResult[] = []
  #passed = 0

  add(result: RunResult): void {
    for (const [name, count] of result.counts) this.counts.add(name, count)
    if (result.failures.length > 0) this.#failed.push(result)
    else this.#passed++
  }

  get seeds(): number {
    return this.#passed + this.#failed.length
  }

  result(): BatchResult {
    const { counts } = this
    const vacuous = missing(this.seeds, name => counts.get(name))
    return { passed: this.#passed, failed: this.#failed.toSorted((a, b) => a.seed - b.seed), counts, vacuous }
  }
}
