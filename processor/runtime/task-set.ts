import type { NotReady } from '../../schemas/serde.ts'
import type { Failure } from '../../topology/plan.ts'
import { AppError } from '../errors.ts'
import type { FetchedPartition, Fetcher, Producer } from '../ports.ts'
import type { TaskState } from '../state/task-state.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import type { OpenedTask } from './open.ts'
import { Poison } from './poison.ts'
import { Ledger } from './readings.ts'
import { Task } from './task.ts'
import type { WorkerOptions } from './worker-options.ts'

/** A source partition with this many records waiting is fetched no further for now. */
const waitingMost = 5000

/** Told when the state of a task was closed. */
export type CloseTask = (place: TaskPlace, state: TaskState) => void

export interface TaskSetOptions extends WorkerOptions {
  readonly producer: Producer
  readonly reject: (failure: Failure, cause: unknown) => void
  readonly stopping: AbortSignal
  readonly closed: CloseTask
}

/** The tasks of a worker and what is fetched for them. */
export class TaskSet {
  /** Those that run. */
  readonly byId = new Map<string, Task>()
  /** Those that take no more records and wait for the commit of what they have taken. */
  readonly #retiring = new Set<Task>()
  /** Those that no commit needs any more, and that are being closed. */
  readonly #settled = new Set<Task>()
  readonly poison = new Poison()
  /** What was counted goes on being counted when its task is closed. */
  readonly ledger = new Ledger()
  readonly #options: TaskSetOptions
  readonly #fetcher: Fetcher
  readonly #paused = new Set<string>()

  constructor(options: TaskSetOptions) {
    const { kafka, commitIntervalMs } = options
    this.#options = options
    this.#fetcher = kafka.fetcher({
      isolation: 'read_committed',
      maxWaitMs: Math.min(500, Math.max(50, commitIntervalMs)),
    })
  }

  running(): Task[] {
    return [...this.byId.values()]
  }

  places(): TaskPlace[] {
    return this.running().map(({ part, partition }) => ({ part: part.id, partition }))
  }

  /** Those whose work belongs to the open transaction. */
  all(): Task[] {
    return [...this.byId.values(), ...this.#retiring]
  }

  /** All that are open. */
  open(): Task[] {
    return [...this.all(), ...this.#settled]
  }

  get isEmpty(): boolean {
    return this.byId.size === 0 && this.#retiring.size === 0 && this.#settled.size === 0
  }

  /** Takes tasks that are caught up, and begins to fetch their input. */
  add(opened: readonly OpenedTask[]): void {
    const { compiled, producer, reject } = this.#options
    for (const { place, state, positions } of opened) {
      const task = new Task(
        {
          ...this.#options,
          part: compiled.subTopologies[place.part]!,
          partition: place.partition,
          state,
          buffer: (topic, partition) => producer.buffer(topic, partition),
          reject,
          poison: (topic, partition, offset) => this.poison.find(topic, partition, offset),
          wait: missing => this.wait(missing),
        },
        positions,
      )
      this.byId.set(task.id, task)
      this.#fetcher.assign(task.positions())
    }
  }

  /** The tasks take no more records, and nothing is fetched for them. Answers those that run here. */
  retire(places: readonly TaskPlace[]): Task[] {
    const tasks = places.flatMap(place => this.byId.get(taskName(place)) ?? [])
    for (const task of tasks) {
      this.byId.delete(task.id)
      this.#retiring.add(task)
      this.#stopFetching(task)
    }
    return tasks
  }

  /** What retiring tasks have taken is committed: no further commit needs them. */
  settle(tasks: readonly Task[]): void {
    for (const task of tasks) {
      this.#retiring.delete(task)
      this.#settled.add(task)
    }
  }

  #stopFetching(task: Task): void {
    const positions = task.positions()
    for (const { topic, partition } of positions) this.#paused.delete(`${topic}-${partition}`)
    this.#fetcher.unassign(positions)
  }

  /** Something outside is missing (a schema): asks for it, and says so while it cannot be had. */
  async wait(missing: NotReady): Promise<void> {
    const { log, scheduler } = this.#options.world
    try {
      await missing.ready()
    } catch (error) {
      log.warn({ error, missing: missing.message }, 'waiting for something that a record needs; trying again')
      await scheduler.sleep(1000, this.#options.stopping)
    }
  }

  /** Goes back to what is committed. */
  async rollback(): Promise<void> {
    this.#paused.clear()
    for (const task of this.running()) {
      await task.rollback()
      this.#fetcher.assign(task.positions())
    }
  }

  /** Hands what has arrived to the tasks; waits up to `waitMs` for something, or until `waking` is aborted. */
  async fetch(waitMs: number, waking?: AbortSignal): Promise<void> {
    for (const fetched of await this.#fetcher.poll(waitMs, waking)) this.#deliver(fetched)
  }

  #deliver(fetched: FetchedPartition): void {
    for (const task of this.byId.values()) {
      if (task.partition !== fetched.partition) continue
      const queue = task.queue(fetched.topic)
      if (queue === undefined) continue
      if (fetched.error !== null) throw fetchError(fetched, fetched.error)
      queue.push(fetched)
      if (queue.waiting <= waitingMost) return
      this.#paused.add(`${fetched.topic}-${fetched.partition}`)
      this.#fetcher.pause([fetched])
      return
    }
  }

  /** Fetches on where a queue that was full has run low. */
  resumeDrained(): void {
    if (this.#paused.size === 0) return
    for (const task of this.byId.values()) {
      for (const queue of task.queues) {
        if (queue.waiting > waitingMost / 2) continue
        const { topic } = queue.source
        if (this.#paused.delete(`${topic}-${queue.partition}`))
          this.#fetcher.resume([{ topic, partition: queue.partition }])
      }
    }
  }

  /** What is committed will not come again: nothing has to be known of it. */
  forgetPoison(): void {
    for (const task of this.byId.values()) {
      for (const { source, partition } of task.queues) {
        this.poison.forget(source.topic, partition, task.committedPosition(source.topic))
      }
    }
  }

  /** Lets go of tasks as they are. */
  async close(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) {
      if (this.byId.delete(task.id)) this.#stopFetching(task)
      this.#retiring.delete(task)
      this.#settled.add(task)
    }
    for (const task of tasks) {
      // What it counted is not forgotten, and not counted twice.
      this.ledger.retire(task)
      this.#settled.delete(task)
      await task.close()
      this.#options.closed({ part: task.part.id, partition: task.partition }, task.state)
    }
  }

  stopFetching(): Promise<void> {
    return this.#fetcher.close()
  }
}

function fetchError(fetched: FetchedPartition, error: string): AppError {
  const place = { topic: fetched.topic, partition: fetched.partition, offset: fetched.nextOffset }
  if (error !== 'OFFSET_OUT_OF_RANGE')
    return new AppError('TOPIC_MISSING', `The input cannot be read any more: ${error}.`, { place })
  const message =
    `The input does not hold the committed offset (it begins at ${fetched.logStartOffset}): records were deleted before they were processed. ` +
    "Reset the group's offsets if that is what you want."
  return new AppError('OFFSET_OUT_OF_RANGE', message, { place })
}
