import { asError } from '../errors.ts'
import type { World } from '../ports.ts'
import type { Step } from './commit.ts'
import type { Task } from './task.ts'

export interface StoringOptions {
  readonly world: World
  readonly cacheBytes: number
  readonly flushBytes: number
  readonly flushAgeMs: number
  onStep(step: Step): void
}

/**
 * When committed state goes to disk: by bytes and age, not at every commit. What waits is in memory and in the
 * changelog;
 * a restart replays that tail.
 */
export class Storing {
  readonly #options: StoringOptions
  readonly #flushedMs = new Map<string, number>()
  #running: Promise<void> | null = null

  constructor(options: StoringOptions) {
    this.#options = options
  }

  /** A transaction was committed: starts a batch for each task that is due, unless one is under way. */
  afterCommit(tasks: Iterable<Task>): void {
    if (this.#running !== null) return
    const all = [...tasks]
    let waiting = 0
    for (const task of all) waiting += task.state.pendingBytes
    const isFull = waiting >= this.#options.flushBytes
    const due = all.filter(task => this.#isDue(task, isFull))
    if (due.length === 0) return
    this.#running = this.#store(due).finally(() => {
      this.#running = null
    })
    // Whoever awaits next sees the failure: `settle`, or the next call of `check`.
    this.#running.catch(error => {
      this.#error ??= asError(error)
    })
  }

  #error: Error | null = null

  /** Throws what went wrong with a batch. */
  check(): void {
    if (this.#error !== null) throw this.#error
  }

  /** The tasks that it went wrong with are closed. */
  forget(): void {
    this.#error = null
  }

  #isDue(task: Task, isFull: boolean): boolean {
    if (task.state.pendingBytes === 0) return false
    if (isFull) return true
    const now = this.#options.world.clock.monotonic()
    const flushedMs = this.#flushedMs.get(task.id)
    if (flushedMs === undefined) {
      this.#flushedMs.set(task.id, now)
      return this.#options.flushAgeMs === 0
    }
    return now - flushedMs >= this.#options.flushAgeMs
  }

  async #store(tasks: readonly Task[]): Promise<void> {
    const { onStep, world } = this.#options
    for (const [index, task] of tasks.entries()) {
      this.#flushedMs.set(task.id, world.clock.monotonic())
      const written = task.state.flush(world.clock.now())
      onStep('storing')
      await written
      if (index === 0 && tasks.length > 1) onStep('storedOne')
    }
    onStep('stored')
  }

  /** Waits for the batch under way. */
  async settle(): Promise<void> {
    await this.#running
  }

  /** Brings all committed state to disk. */
  async flushAll(tasks: Iterable<Task>): Promise<void> {
    await this.settle()
    const due = [...tasks]
    if (due.length > 0) await this.#store(due)
  }

  /** Keeps decoded entries within the budget, shared by the tasks in proportion to what they hold. */
  evict(tasks: Iterable<Task>): void {
    const all = [...tasks]
    let held = 0
    for (const task of all) held += task.state.cacheBytes
    const { cacheBytes } = this.#options
    if (held <= cacheBytes) return
    // Under the budget by a tenth, so that not every turn evicts.
    for (const task of all) task.state.evict((task.state.cacheBytes / held) * cacheBytes * 0.9)
  }
}
