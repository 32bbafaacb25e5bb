import { AppError } from '../errors.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import { isOutside } from './failure.ts'
import type { Membership } from './membership.ts'
import { Opening } from './opening.ts'
import type { TaskSet } from './task-set.ts'
import type { WorkerOptions } from './worker-options.ts'

export interface StartingOptions extends WorkerOptions {
  readonly tasks: TaskSet
  readonly membership: Membership
  readonly wake: () => void
}

const backoffMostMs = 5000

/** Opens what the worker has been given and does not run yet, beside its loop. */
export class Starting {
  readonly #options: StartingOptions
  #opening: Opening | null = null
  #failures = 0
  #notBeforeMs = 0

  constructor(options: StartingOptions) {
    this.#options = options
  }

  /** Something is ours and does not run. */
  isMissing(): boolean {
    const { membership, tasks } = this.#options
    for (const name of membership.wanted.keys()) if (!tasks.byId.has(name)) return true
    return false
  }

  /** How long the loop may sleep when it has nothing else to do. */
  pauseMs(): number {
    const waitMs = this.#notBeforeMs - this.#options.world.clock.monotonic()
    return this.#opening === null && this.isMissing() ? Math.max(1, waitMs) : 1000
  }

  /** Takes what has been opened, and begins with what is missing. */
  async see(): Promise<void> {
    if (this.#opening?.isDone === true) await this.#finish(this.#opening)
    if (this.#opening !== null || this.#options.world.clock.monotonic() < this.#notBeforeMs) return
    const { membership, tasks, wake } = this.#options
    // What was ours before may still be on its way to the disk.
    const open = new Set(tasks.open().map(task => task.id))
    const places = [...membership.wanted].flatMap(([name, place]) => (open.has(name) ? [] : [place]))
    if (places.length === 0) return
    this.#opening = new Opening(places, {
      ...this.#options,
      ...tasks.openOptions(),
      formerOwners: membership.formerOwners(places),
      onDone: wake,
    })
  }

  async #finish(opening: Opening): Promise<void> {
    const { tasks, membership, world } = this.#options
    const { wanted } = membership
    this.#opening = null
    try {
      const opened = opening.take()
      for (const { place, state } of opened) if (!wanted.has(taskName(place))) await state.close()
      tasks.add(opened.filter(({ place }) => wanted.has(taskName(place))))
      this.#failures = 0
      const restoredRecords = tasks.restoring.records
      world.log.info({ tasks: tasks.byId.size, opened: opened.length, restoredRecords }, 'running')
    } catch (error) {
      await this.#failed(error, opening)
    }
  }

  /** The tasks that run go on; these are tried again, if that can help. */
  async #failed(error: unknown, { places }: Opening): Promise<void> {
    if (!(error instanceof AppError) || !isOutside(error)) throw error
    const { world, stores } = this.#options
    world.log.warn({ error, tasks: places.map(taskName) }, 'tasks could not be opened: trying again')
    if (error.code === 'STATE_CORRUPT') for (const place of places) await stores.destroy(taskName(place))
    this.#notBeforeMs = world.clock.monotonic() + Math.min(backoffMostMs, 50 * 2 ** this.#failures++)
  }

  /** Stops opening these tasks, or any. What is still ours is begun with anew. */
  async cancel(places: readonly TaskPlace[] | null = null): Promise<void> {
    const opening = this.#opening
    if (opening === null || (places !== null && !places.some(place => opening.includes(place)))) return
    await opening.cancel()
    this.#opening = null
  }
}
