import type { NotReady } from '../../schemas/serde.ts'
import type { Compiled } from '../../topology/compiled.ts'
import type { Failure } from '../../topology/plan.ts'
import { AppError, assert } from '../errors.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { isEndMark } from '../operators/source.ts'
import type { World } from '../ports.ts'
import { allTasks, sourcesOf, type TaskPlace, taskName } from '../runtime/assign/places.ts'
import { rejecter } from '../runtime/dead-letters.ts'
import { isReplayable, ProcessingError } from '../runtime/failure.ts'
import { definitionOf } from '../runtime/open.ts'
import { Poison } from '../runtime/poison.ts'
import { nextQueue } from '../runtime/queue.ts'
import { Task } from '../runtime/task.ts'
import { MemoryStore } from '../state/memory.ts'
import { TaskState } from '../state/task-state.ts'
import type { DriverTopics } from './driver-topics.ts'

export interface EngineOptions {
  /** With serdes that are bound. */
  readonly compiled: Compiled
  readonly application: string
  readonly topics: DriverTopics
  readonly world: World
  readonly idleMs: number
  /** After each record; else when it is told to. */
  readonly commitsEach: boolean
}

/** A record, or its part in a window, that a step did not take. */
export interface Drop {
  /** The step and the reason. */
  readonly what: string
  readonly count: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

interface OpenTask {
  readonly place: TaskPlace
  readonly task: Task
  readonly store: MemoryStore
  /** By source topic: the first offset that it was not given. */
  readonly delivered: Map<string, number>
}

/**
 * The tasks of a topology over topics in memory: what a worker does, one call after the other. One transaction covers
 * all of them.
 */
export class DriverEngine {
  readonly drops: Drop[] = []
  readonly rejected: Failure[] = []
  readonly #options: EngineOptions
  readonly #reject: (failure: Failure, cause: unknown) => void
  readonly #tasks = new Map<string, OpenTask>()
  readonly #poison = new Poison()
  readonly #waiting = new Set<Promise<void>>()
  #openDrops: Drop[] = []
  #openRejected: Failure[] = []
  #failure: unknown = null

  constructor(options: EngineOptions) {
    this.#options = options
    const { compiled, topics } = options
    const producer = { buffer: (topic: string, partition: number) => topics.log(topic, partition) }
    this.#reject = rejecter({ compiled, topics: topics.names, producer, partitionOf })
    for (const place of allTasks(topics.names)) this.#open(place, null, new Map())
  }

  get tasks(): Task[] {
    return [...this.#tasks.values()].map(({ task }) => task)
  }

  get hasFailed(): boolean {
    return this.#failure !== null
  }

  /** Takes what waits, to the end of the topology; repartitioned records only once they are committed. */
  run(): void {
    this.#guard(() => {
      while (this.#turn()) if (this.#options.commitsEach) this.#commit()
    })
  }

  /** Commits, and takes what that lets through, until nothing is on its way. */
  commit(): void {
    this.#guard(() => {
      do this.#commit()
      while (this.#turn())
    })
  }

  /** The wall clock has moved. */
  onWallTime(): void {
    this.#guard(() => {
      const now = this.#options.world.clock.now()
      for (const { task } of this.#tasks.values()) task.onWallTime(now)
      if (this.#options.commitsEach) this.#commit()
    })
    this.run()
  }

  /** Waits for what records need from outside, such as a schema, and goes on. */
  async ready(): Promise<void> {
    while (this.#waiting.size > 0) {
      await Promise.all(this.#waiting)
      this.run()
    }
  }

  /** All tasks are closed, and opened again. What is not committed is forgotten, and its input is read again. */
  restart(state: 'kept' | 'lost'): void {
    const former = [...this.#tasks.values()]
    for (const { task } of former) void task.close()
    this.#forgetOpen()
    this.#failure = null
    this.#tasks.clear()
    for (const { place, task, store } of former) {
      const positions = new Map(
        task.queues.map(queue => [queue.source.topic, this.#resumeAt(task, queue.source.topic)]),
      )
      this.#open(place, state === 'kept' ? store : null, positions)
    }
    this.run()
  }

  /** Who goes on behind the mark of an end is to hear that the partition has ended. */
  #resumeAt(task: Task, topic: string): number {
    const position = task.committedPosition(topic)
    const log = this.#options.topics.log(topic, task.partition)
    const { records } = log.fetch(Math.max(0, position - 1))
    return position > 0 && position === log.nextOffset && isEndMark(records, 0) ? position - 1 : position
  }

  #open(place: TaskPlace, kept: MemoryStore | null, positions: ReadonlyMap<string, number>): void {
    const { compiled, topics, world, idleMs } = this.#options
    const part = compiled.subTopologies[place.part]!
    const { state, store } = this.openState(place, kept)
    const task = new Task(
      {
        part,
        partition: place.partition,
        state,
        topics: topics.names,
        world,
        idleMs,
        // Time in a driver stands still unless it is moved: others hear of stream time at every commit.
        markerEveryMs: 0,
        buffer: (topic, partition) => topics.log(topic, partition),
        partitionOf,
        reject: (failure, cause) => {
          this.#reject(failure, cause)
          this.#openRejected.push(failure)
        },
        poison: (topic, partition, offset) => this.#poison.find(topic, partition, offset),
        wait: missing => this.#wait(missing),
      },
      new Map(sourcesOf(compiled, topics.names, place).map(({ topic }) => [topic, positions.get(topic) ?? 0])),
    )
    const delivered = new Map(task.positions().map(at => [at.topic, at.offset]))
    this.#tasks.set(taskName(place), { place, task, store, delivered })
  }

  /** The committed state of a task: what was kept of it, or else what its changelogs give. */
  openState(place: TaskPlace, kept: MemoryStore | null): { state: TaskState; store: MemoryStore } {
    const { compiled, topics, application } = this.#options
    const definitions = compiled.subTopologies[place.part]!.stores.map(store => definitionOf(store, topics.names))
    const store = kept ?? new MemoryStore()
    const identity = { clusterId: 'driver', application, task: taskName(place) }
    // A store that was kept may be as it was made: nothing was committed yet.
    const state = TaskState.open(store, true, identity, definitions)
    assert(typeof state !== 'string', `the state of task ${taskName(place)} cannot be used`)
    for (const { name } of definitions) {
      const { records, nextOffset } = topics
        .log(topics.names.changelog(name), place.partition)
        .fetch(state.nextOffset(name))
      if (records.length > 0) state.replay(name, { records, from: 0, to: records.length }, nextOffset)
    }
    const replayed = state.replays.drain(this.#nowMs())
    if (replayed !== null) {
      store.writeNow(replayed.batch)
      replayed.written()
    }
    return { state, store }
  }

  #nowMs(): number {
    return this.#options.world.clock.now()
  }

  #wait(missing: NotReady): Promise<void> {
    const waiting = missing.ready().finally(() => this.#waiting.delete(waiting))
    this.#waiting.add(waiting)
    return waiting
  }

  /** Runs `act`. A record that fails is taken again as the policy says; anything else ends the driver. */
  #guard(act: () => void): void {
    if (this.#failure !== null) {
      throw new AppError('PROCESSING', 'The driver has failed before: restart it to go on.', { cause: this.#failure })
    }
    for (;;) {
      try {
        return act()
      } catch (error) {
        if (error instanceof ProcessingError && isReplayable(error, this.#options.compiled.onFailure)) {
          this.#poison.add(error.place!, error.cause)
          this.#rollback()
        } else {
          this.#forgetOpen()
          this.#failure = error
          throw error
        }
      }
    }
  }

  /** Takes a record of the first task that has one; without a commit after each, of all of them. */
  #turn(): boolean {
    let taken = 0
    for (const open of this.#tasks.values()) {
      this.#deliver(open)
      while (this.#take(open.task)) {
        taken++
        if (this.#options.commitsEach) return true
      }
    }
    return taken > 0
  }

  #deliver({ task, delivered }: OpenTask): void {
    for (const queue of task.queues) {
      const { topic } = queue.source
      const log = this.#options.topics.log(topic, task.partition)
      const from = delivered.get(topic)!
      if (queue.isCaughtUp && from === log.nextOffset) continue
      queue.push(log.fetch(from))
      delivered.set(topic, log.nextOffset)
    }
  }

  #take(task: Task): boolean {
    const queue = nextQueue(task.queues)
    if (queue === null) return false
    const at = { topic: queue.source.topic, partition: queue.partition, offset: queue.columns.offset[queue.row]! }
    const before = new Map([...task.tallies.drops].map(([what, { value }]) => [what, value]))
    if (task.process(1) === 0) return false
    for (const [what, { value }] of task.tallies.drops) {
      const count = value - (before.get(what) ?? 0)
      if (count > 0) this.#openDrops.push({ what, count, ...at })
    }
    return true
  }

  /** The steps of a commit, without waiting for anything. */
  #commit(): void {
    const { topics } = this.#options
    const shares = this.tasks.map(task => {
      task.freeze()
      return { task, positions: task.positions() }
    })
    topics.commit()
    for (const { task, positions } of shares) {
      task.committed(positions, store => topics.log(topics.names.changelog(store), task.partition).nextOffset)
    }
    for (const { task, store } of this.#tasks.values()) {
      const drained = task.state.drain(this.#nowMs())
      if (drained === null) continue
      store.writeNow(drained.batch)
      drained.written()
    }
    this.drops.push(...this.#openDrops.splice(0))
    this.rejected.push(...this.#openRejected.splice(0))
  }

  #forgetOpen(): void {
    this.#options.topics.abort()
    this.#openDrops = []
    this.#openRejected = []
  }

  /** All that is committed is in the stores, so nothing has to be written first. */
  #rollback(): void {
    this.#forgetOpen()
    for (const { task, delivered } of this.#tasks.values()) {
      task.state.revert()
      task.state.forget()
      task.rebuild()
      for (const { topic, offset } of task.positions()) delivered.set(topic, offset)
    }
  }
}
