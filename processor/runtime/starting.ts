import { AppError } from '../errors.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import type { StateCopy } from './assign/user-data.ts'
import { Changelogs } from './changelogs.ts'
import { Copies } from './copies.ts'
import { OffsetsGone } from './copy.ts'
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
  readonly changelogs: Changelogs
  readonly copies: Copies
  readonly #options: StartingOptions
  readonly #openings = new Set<Opening>()
  #failures = 0
  #notBeforeMs = 0
  #hasRun = false

  constructor(options: StartingOptions) {
    this.#options = options
    const { membership } = options
    this.changelogs = new Changelogs(options)
    this.copies = new Copies({
      ...options,
      changelogs: this.changelogs,
      wanted: () => membership.followed,
      isOwn: name => this.isOwn(name),
      generation: () => membership.generations,
      rejoin: reason => membership.rejoin(reason),
    })
  }

  /** Something is ours and does not run. */
  isMissing(): boolean {
    const { membership, tasks } = this.#options
    for (const name of membership.wanted.keys()) if (!tasks.byId.has(name)) return true
    return false
  }

  /** At the beginning everything must run; later the worker is said to run while something does. */
  state(): 'restoring' | 'running' | null {
    const { membership, tasks } = this.#options
    const { size } = tasks.byId
    if (this.isMissing()) return size > 0 && this.#hasRun ? 'running' : 'restoring'
    if (size === 0 && !membership.isSettled) return null
    this.#hasRun = true
    return 'running'
  }

  /** Whether the task is ours to run, or not quite closed. */
  isOwn(name: string): boolean {
    const { membership, tasks } = this.#options
    const isOpening = [...this.#openings].some(({ places }) => places.some(place => taskName(place) === name))
    return membership.wanted.has(name) || isOpening || tasks.open().some(({ id }) => id === name)
  }

  /** What state there is here, for the group. */
  said(): StateCopy[] {
    const { tasks } = this.#options
    const active = tasks.running().map(({ part, partition, state }): StateCopy => {
      const heldOffset = part.stores.reduce((sum, { name }) => sum + state.nextOffset(name), 0)
      return { part: part.id, partition, kind: 'active', heldOffset, lagRecords: 0 }
    })
    const opening = [...this.#openings]
      .flatMap(each => each.unfinished())
      .map(({ place, heldOffset, lagRecords }): StateCopy => ({ ...place, kind: 'local', heldOffset, lagRecords }))
    return [...active, ...opening, ...this.copies.said()]
  }

  /** How long the loop may sleep when it has nothing else to do. */
  pauseMs(): number {
    const waitMs = this.#notBeforeMs - this.#options.world.clock.monotonic()
    return this.#openings.size === 0 && this.isMissing() ? Math.max(1, waitMs) : 1000
  }

  /** Takes what has been opened, and begins with what is missing. */
  async see(): Promise<void> {
    for (const opening of this.#openings) {
      await this.#take(opening)
      if (!opening.isDone) continue
      this.#openings.delete(opening)
      if (opening.error === null) this.#failures = 0
      else await this.#failed(opening.error, opening)
    }
    const { membership, tasks, world, wake } = this.#options
    this.copies.see()
    if (world.clock.monotonic() < this.#notBeforeMs) return
    // What was ours before may still be on its way to the disk.
    const open = new Set(tasks.open().map(task => task.id))
    const isMissing = (place: TaskPlace): boolean =>
      !open.has(taskName(place)) && ![...this.#openings].some(opening => opening.includes(place))
    const places = [...membership.wanted.values()].filter(isMissing)
    if (places.length === 0) return
    const opening = new Opening(places, {
      ...this.#options,
      changelogs: this.changelogs,
      copies: this.copies,
      formerOwners: membership.formerOwners(places),
      onNews: wake,
    })
    this.#openings.add(opening)
  }

  async #take(opening: Opening): Promise<void> {
    const { tasks, membership, world } = this.#options
    const opened = opening.take()
    if (opened.length === 0) return
    const isWanted = ({ place }: { place: TaskPlace }): boolean => membership.wanted.has(taskName(place))
    for (const { place, state } of opened.filter(each => !isWanted(each))) {
      await state.close()
      this.copies.closed(place, state)
    }
    tasks.add(opened.filter(isWanted))
    const restoredRecords = this.changelogs.progress.records
    world.log.info({ tasks: tasks.byId.size, opened: opened.length, restoredRecords }, 'running')
  }

  /** The tasks that run go on; these are tried again, if that can help. */
  async #failed(error: Error, { places }: Opening): Promise<void> {
    const isGone = error instanceof OffsetsGone
    if (!isGone && (!(error instanceof AppError) || !isOutside(error))) throw error
    const { world, stores } = this.#options
    world.log.warn({ error, tasks: places.map(taskName) }, 'tasks could not be opened: trying again')
    if (isGone) await stores.destroy(error.task)
    else if (error.code === 'STATE_CORRUPT') for (const place of places) await this.#destroy(place)
    this.#notBeforeMs = world.clock.monotonic() + Math.min(backoffMostMs, 50 * 2 ** this.#failures++)
  }

  /** Unless it runs by now. */
  async #destroy(place: TaskPlace): Promise<void> {
    const { tasks, stores } = this.#options
    if (!tasks.open().some(({ id }) => id === taskName(place))) await stores.destroy(taskName(place))
  }

  /** Stops opening these tasks, or any. What is still ours is begun with anew. */
  async cancel(places: readonly TaskPlace[] | null = null): Promise<void> {
    for (const opening of this.#openings) {
      if (places !== null && !places.some(place => opening.includes(place))) continue
      await this.#take(opening)
      await opening.cancel()
      this.#openings.delete(opening)
    }
  }

  /** Closes the copies of state, and stops reading. */
  async close(): Promise<void> {
    await this.copies.close()
    await this.changelogs.close()
  }
}
