import type { Log } from '../ports.ts'
import type { TaskPlace } from './assign/places.ts'
import type { Storing } from './storing.ts'
import type { TaskSet } from './task-set.ts'
import type { Task } from './task.ts'
import type { Transactions } from './transactions.ts'

interface Release {
  tasks: readonly Task[]
  /** Of the commit that holds all they have done. */
  readonly mark: number
  readonly done: () => void
  /** No further commit is about them. */
  isSettled: boolean
  closing: Promise<void> | null
}

/**
 * Tasks that are given up while others go on. They share the transaction with all the others, so it is ended early;
 * when it is committed their state goes to disk and they are closed. Only then does the group hear that they are free.
 */
export class Releases {
  readonly #tasks: TaskSet
  readonly #transactions: Transactions
  readonly #storing: Storing
  readonly #log: Log
  readonly #releases = new Set<Release>()
  readonly #untilRenewed: (() => void)[] = []

  constructor(tasks: TaskSet, transactions: Transactions, storing: Storing, log: Log) {
    this.#tasks = tasks
    this.#transactions = transactions
    this.#storing = storing
    this.#log = log
  }

  begin(places: readonly TaskPlace[], done: () => void): void {
    const tasks = this.#tasks.retire(places)
    if (tasks.length === 0) done()
    else this.#releases.add({ tasks, mark: this.#transactions.hurry(), done, isSettled: false, closing: null })
  }

  /** Goes on with what has come to its next step. */
  see(): void {
    for (const release of this.#releases) {
      if (!release.isSettled && this.#transactions.isPast(release.mark)) {
        release.isSettled = true
        this.#tasks.settle(release.tasks)
      }
      if (!release.isSettled || release.closing !== null) continue
      if (release.tasks.some(task => this.#transactions.isCommitting(task))) continue
      release.closing = this.#close(release)
    }
  }

  async #close(release: Release): Promise<void> {
    const { tasks } = release
    try {
      await this.#storing.flushAll(tasks)
    } catch (error) {
      // It is committed: what the disk lacks is in the changelog.
      this.#log.warn({ error }, 'the state of tasks that were given up could not be written')
    }
    await this.#tasks.close(tasks)
    this.#releases.delete(release)
    release.done()
  }

  /** The transaction was aborted: what they had done in it is not theirs to do again. */
  async rollback(): Promise<void> {
    for (const release of this.#releases) {
      if (release.isSettled) continue
      await this.#tasks.close(release.tasks)
      this.#releases.delete(release)
      release.done()
    }
  }

  /**
   * All tasks are closed as they are: they are free when the transaction is known to be over. Answers those that are
   * still open and that no transaction needs any more.
   */
  abandon(): readonly Task[] {
    const open: Task[] = []
    for (const release of this.#releases) {
      if (release.closing !== null) continue
      if (release.isSettled) open.push(...release.tasks)
      this.#releases.delete(release)
      this.#untilRenewed.push(release.done)
    }
    return open
  }

  /** Waits until those that are being closed are closed. */
  async settled(): Promise<void> {
    for (const { closing } of this.#releases) await closing
  }

  whenRenewed(done: () => void): void {
    this.#untilRenewed.push(done)
  }

  /** The producer has a new epoch: nothing of the old one is open. */
  renewed(): void {
    for (const done of this.#untilRenewed.splice(0)) done()
  }
}
