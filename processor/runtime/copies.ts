import { AppError, asError } from '../errors.ts'
import type { CopyReading } from '../observe/readings.ts'
import { TaskState } from '../state/task-state.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import type { CopyKind, StateCopy } from './assign/user-data.ts'
import { type Copy, OffsetsGone } from './copy.ts'
import { definitionsOf, identityOf, isStale, openCopies, type OpenOptions } from './open.ts'

export interface CopiesOptions extends OpenOptions {
  readonly acceptableLagRecords: number
  readonly cleanupDelayMs: number
  /** Standbys and warm-ups that are ours to keep, by task. */
  readonly wanted: () => ReadonlyMap<string, { readonly place: TaskPlace; readonly kind: CopyKind }>
  /** The task is ours to run, or still open. */
  readonly isOwn: (task: string) => boolean
  /** How many assignments there were. */
  readonly generation: () => number
  /** Asks for another assignment. */
  readonly rejoin: (reason: string) => void
}

interface Followed {
  readonly place: TaskPlace
  /** Null while it is opened. */
  copy: Copy | null
  readonly opened: Promise<void>
}

/** What is on disk of a task that is not open here. */
interface Left {
  readonly place: TaskPlace
  readonly heldOffset: number
  readonly sinceMs: number
}

/** Lines of the log that a simulation counts. */
export const copyTaken = 'a copy of state that was kept up to date is taken over'
export const copyReady = 'a copy of state that was made for a task has caught up: asking for the task'
export const copyDeleted = 'the state of a task that has long been running elsewhere is deleted'

const backoffMs = 1000
/** A worker asks for what it has prepared, and if it does not get it, again. */
const askAgainMs = 5000

/** The state of tasks that this worker keeps and does not run: standbys, warm-ups, and what is left of former tasks. */
export class Copies {
  readonly #options: CopiesOptions
  readonly #followed = new Map<string, Followed>()
  readonly #left = new Map<string, Left>()
  /** Being closed or deleted. */
  readonly #busy = new Map<string, Promise<void>>()
  #notBeforeMs = -Infinity
  #askedIn = -1
  #askedMs = -Infinity
  #isClosed = false

  constructor(options: CopiesOptions) {
    this.#options = options
  }

  /** Looks at what former lives have left on disk. */
  async survey(): Promise<void> {
    const { stores, compiled, topics } = this.#options
    for (const task of (await stores.tasks?.()) ?? []) {
      const [part = -1, partition = -1] = task.split('_').map(Number)
      const place = { part, partition }
      if ((compiled.subTopologies[part]?.stores.length ?? 0) === 0 || !(partition < topics.tasks[part]!)) continue
      const state = await this.#look(place)
      if (state === null) continue
      await state.close()
      this.closed(place, state)
    }
  }

  async #look(place: TaskPlace): Promise<TaskState | null> {
    try {
      const { store, created } = await this.#options.stores.open(taskName(place))
      const state = TaskState.open(
        store,
        created,
        identityOf(place, this.#options),
        definitionsOf(place, this.#options),
      )
      if (state instanceof TaskState && !isStale(state, this.#options)) return state
      await store.close()
      return null
    } catch (error) {
      // Damaged, or in use: whoever needs it will see.
      if (error instanceof AppError) return null
      throw error
    }
  }

  /** The state of a task was closed: what reached the disk stays there. */
  closed(place: TaskPlace, state: TaskState): void {
    const stores = this.#options.compiled.subTopologies[place.part]!.stores
    if (stores.length === 0) return
    const heldOffset = stores.reduce((sum, { name }) => sum + state.storedOffset(name), 0)
    this.#left.set(taskName(place), { place, heldOffset, sinceMs: this.#nowMs() })
  }

  /** What the group is told. */
  said(): StateCopy[] {
    const wanted = this.#options.wanted()
    const followed = [...this.#followed].flatMap(([name, { place, copy }]): StateCopy[] => {
      const kind = wanted.get(name)?.kind ?? 'local'
      return copy === null ? [] : [{ ...place, kind, heldOffset: copy.heldOffset, lagRecords: copy.lagRecords }]
    })
    const left = [...this.#left.values()].map(({ place, heldOffset }): StateCopy => ({
      ...place,
      kind: 'local',
      heldOffset,
      lagRecords: 0,
    }))
    return [...followed, ...left]
  }

  /** What is followed, for metrics. */
  read(): CopyReading[] {
    const wanted = this.#options.wanted()
    return [...this.#followed].flatMap(([task, { copy }]) => {
      const kind = wanted.get(task)?.kind === 'standby' ? 'standby' : 'warmup'
      if (copy === null) return []
      const stores = copy.parts.map(part => ({
        topic: part.topic,
        partition: part.partition,
        lagRecords: Math.max(0, part.stableEnd - part.position),
      }))
      return [{ task, kind, stores }]
    })
  }

  /** Begins with what is wanted, ends what is not, and asks for what is ready. */
  see(): void {
    if (this.#isClosed) return
    const { wanted, isOwn } = this.#options
    const all = wanted()
    for (const [name, { copy }] of this.#followed) {
      if (copy !== null && copy.error !== null) this.#failed(name, copy, copy.error)
      // What is to be run here is fetched by whoever opens it.
      else if (!all.has(name) && !isOwn(name) && copy !== null) this.#drop(name)
    }
    if (this.#nowMs() >= this.#notBeforeMs) {
      for (const [name, { place }] of all) if (!this.#followed.has(name) && !isOwn(name)) this.#follow(name, place)
    }
    this.#ask()
    this.#cleanUp()
  }

  /** The copy that is followed, for who runs the task now; null: there is none, and nothing is in the way. */
  async take(place: TaskPlace): Promise<Copy | null> {
    const name = taskName(place)
    this.#left.delete(name)
    await this.#busy.get(name)
    const followed = this.#followed.get(name)
    await followed?.opened
    if (followed === undefined || this.#followed.get(name) !== followed) return null
    this.#followed.delete(name)
    const { copy } = followed
    if (copy === null) return null
    if (copy.error === null) {
      const { lagRecords } = copy
      this.#options.world.log.info({ task: name, lagRecords }, copyTaken)
      return copy
    }
    await this.#close(copy)
    return null
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const name of this.#followed.keys()) this.#drop(name)
    await Promise.all(this.#busy.values())
  }

  #follow(name: string, place: TaskPlace): void {
    if (this.#busy.has(name)) return
    this.#left.delete(name)
    const open = async (): Promise<void> => {
      try {
        const [copy] = await openCopies([place], this.#options)
        followed.copy = copy!
        this.#options.changelogs.add(copy!)
      } catch (error) {
        this.#followed.delete(name)
        this.#retryLater(name, asError(error))
      }
    }
    const followed: Followed = { place, copy: null, opened: Promise.resolve().then(open) }
    this.#followed.set(name, followed)
  }

  #failed(name: string, copy: Copy, error: Error): void {
    const isUseless = error instanceof OffsetsGone || (error instanceof AppError && error.code === 'STATE_CORRUPT')
    this.#drop(name)
    this.#retryLater(name, error)
    if (isUseless) this.#occupy(name, () => this.#destroy(taskName(copy.place)))
  }

  #retryLater(task: string, error: Error): void {
    const { world } = this.#options
    if (!isBusy(error) && !this.#isClosed)
      world.log.warn({ error, task }, 'a copy of state could not be kept up to date: trying again')
    this.#notBeforeMs = this.#nowMs() + backoffMs
  }

  #drop(name: string): void {
    const followed = this.#followed.get(name)!
    this.#followed.delete(name)
    this.#occupy(name, async () => {
      await followed.opened
      if (followed.copy !== null) await this.#close(followed.copy)
    })
  }

  async #close(copy: Copy): Promise<void> {
    this.#options.changelogs.remove(copy)
    await copy.state.close()
    if (copy.error === null) this.closed(copy.place, copy.state)
  }

  /** One thing after the other is done with a task's folder. */
  #occupy(name: string, act: () => Promise<void>): void {
    const before = this.#busy.get(name) ?? Promise.resolve()
    const done = before.then(act).catch(error => {
      // Another thread of this process runs the task.
      if (isBusy(error)) return
      this.#options.world.log.warn({ error, task: name }, 'the state of a task could not be closed or deleted')
    })
    this.#busy.set(name, done)
    void done.then(() => {
      if (this.#busy.get(name) === done) this.#busy.delete(name)
    })
  }

  /** A task that was prepared here is asked for when it is: nobody else knows. */
  #ask(): void {
    const { wanted, generation, rejoin, acceptableLagRecords, world } = this.#options
    const nowMs = this.#nowMs()
    if (this.#askedIn === generation() || nowMs < this.#askedMs + askAgainMs) return
    let isReady = false
    for (const [name, { kind }] of wanted()) {
      const lag = kind === 'warmup' ? this.#followed.get(name)?.copy?.lagRecords : undefined
      if (lag !== undefined && lag <= acceptableLagRecords) isReady = true
    }
    if (!isReady) return
    this.#askedIn = generation()
    this.#askedMs = nowMs
    world.log.info({ generation: this.#askedIn }, copyReady)
    rejoin('The state of a task that is to move here has caught up.')
  }

  /** What is left of tasks that run elsewhere is deleted after a while. */
  #cleanUp(): void {
    const { cleanupDelayMs, world, wanted, isOwn } = this.#options
    const nowMs = this.#nowMs()
    for (const [name, { sinceMs }] of this.#left) {
      if (nowMs - sinceMs < cleanupDelayMs || wanted().has(name) || isOwn(name)) continue
      this.#left.delete(name)
      world.log.info({ task: name }, copyDeleted)
      this.#occupy(name, () => this.#destroy(name))
    }
  }

  #destroy(task: string): Promise<void> {
    return this.#options.stores.destroy(task)
  }

  #nowMs(): number {
    return this.#options.world.clock.monotonic()
  }
}

const isBusy = (error: unknown): boolean => error instanceof AppError && error.code === 'STATE_BUSY'
