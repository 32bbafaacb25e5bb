import type { SubTopology } from '../../topology/compiled.ts'
import type { World } from '../ports.ts'
import type { Task } from './task.ts'

/** Records taken from one task before the next one has its turn. */
const sliceMost = 64
/** How long records are processed before fetches, heartbeats and the commit are seen to. */
const turnMs = 10
/** A round over all tasks is broken off after this; the next turn goes on with the task that comes then. */
const roundMostMs = 100
/** A slice that takes longer is made smaller the next time. */
const sliceLongMs = 50
/** User code that holds the event loop for longer in one go is named. */
export const blockedAfterMs = 250
/** At most one line of the log for each task in this time. */
const logEveryMs = 60_000

/** How often a task has held the event loop for longer than `blockedAfterMs`, and for how long. */
export interface Blocks {
  times: number
  seconds: number
}

/**
 * Gives each task its turn. JavaScript has one thread: while a task works, no heartbeat leaves, and after a session
 * timeout of that the group gives the tasks to others. Slices of slow tasks therefore become shorter, down to one
 * record; a record that takes too long all by itself is nothing that we could cut up, so it is said who it was.
 */
export class Slices {
  readonly #world: World
  readonly #sizes = new Map<string, number>()
  readonly #loggedMs = new Map<string, number>()
  readonly blocks = new Map<string, Blocks>()
  /** Records in the last turn. */
  taken = 0
  #first = 0

  constructor(world: World) {
    this.#world = world
  }

  /** A turn: a slice of each task, until there is nothing more or the time is over. Answers the records taken. */
  run(tasks: readonly Task[]): number {
    const { clock } = this.#world
    const startMs = clock.monotonic()
    let nowMs = startMs
    let total = 0
    for (let taken = 1; taken > 0 && nowMs < startMs + turnMs;) {
      taken = 0
      for (let left = tasks.length; left > 0 && nowMs < startMs + roundMostMs; left--) {
        this.#first = (this.#first + 1) % tasks.length
        const task = tasks[this.#first]!
        const size = this.#sizes.get(task.id) ?? sliceMost
        const before = size === 1 ? task.positions() : null
        const records = task.process(size)
        if (records === 0) continue
        const endMs = clock.monotonic()
        this.#adapt(task, size, endMs - nowMs)
        if (endMs - nowMs > blockedAfterMs) this.#blocked(task, records, before, endMs - nowMs)
        nowMs = endMs
        taken += records
      }
      total += taken
    }
    this.taken = total
    return total
  }

  #adapt(task: Task, size: number, ms: number): void {
    if (ms > blockedAfterMs) this.#sizes.set(task.id, 1)
    else if (ms > sliceLongMs) this.#sizes.set(task.id, Math.max(1, size >> 1))
    else if (size < sliceMost && ms < sliceLongMs / 4) this.#sizes.set(task.id, size << 1)
  }

  #blocked(task: Task, records: number, before: ReturnType<Task['positions']> | null, ms: number): void {
    const blocks = this.blocks.get(task.id) ?? { times: 0, seconds: 0 }
    this.blocks.set(task.id, { times: blocks.times + 1, seconds: blocks.seconds + ms / 1000 })
    const nowMs = this.#world.clock.monotonic()
    if (nowMs - (this.#loggedMs.get(task.id) ?? -Infinity) < logEveryMs) return
    this.#loggedMs.set(task.id, nowMs)
    const at = before?.find(({ topic, offset }) => task.queue(topic)!.position !== offset) ?? null
    const record = at === null ? null : `${at.topic}-${at.partition}@${at.offset}`
    this.#world.log.warn(
      { task: task.id, steps: stepsOf(task.part), records, record, milliseconds: Math.round(ms) },
      'user code held the event loop: nothing else ran meanwhile, and heartbeats waited; make it faster, or asynchronous',
    )
  }
}

/** The steps of a sub-topology with code of the user's, as far as they have names. */
function stepsOf({ nodes }: SubTopology): string[] {
  return nodes.flatMap(({ step }) => {
    if ('store' in step) return [`${step.kind} ${step.store}`]
    if ('name' in step && typeof step.name === 'string') return [`${step.kind} ${step.name}`]
    return 'fn' in step || 'predicates' in step ? [step.kind] : []
  })
}
