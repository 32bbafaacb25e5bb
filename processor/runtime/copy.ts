import { AppError } from '../errors.ts'
import type { TopicPartition } from '../ports.ts'
import type { TaskState } from '../state/task-state.ts'
import { type TaskPlace, taskName } from './assign/places.ts'

/** A store of a task, and the partition of its changelog. */
export interface CopyPart extends TopicPartition {
  readonly store: string
  /** Records below it are applied. */
  position: number
  /** Where a restore ends; null while the copy is only followed. */
  end: number | null
  /** The last stable offset as of the last fetch; before that a guess. */
  stableEnd: number
  /** Full fetches in a row that brought nothing. */
  emptyFetches: number
  /** Wall-clock time when it last held all that the changelog held. */
  freshMs: number
}

/**
 * Tombstones live for a day by default (delete.retention.ms): whoever has not caught up for half of it may have missed
 * some, and begins from scratch.
 */
export const staleAfterMs = 12 * 3_600_000

export const isDone = ({ position, end }: CopyPart): boolean => end !== null && position >= end

/** Why a task's store cannot be caught up: what it needs is not in the changelog (any more). */
export class OffsetsGone extends AppError {
  readonly task: string

  constructor(place: TaskPlace, part: TopicPartition, what: 'offsets' | 'deletions') {
    super('OFFSET_OUT_OF_RANGE', `The changelog may not hold the ${what} that a store needs any more.`, {
      place: { topic: part.topic, partition: part.partition },
    })
    this.task = taskName(place)
  }
}

/** The state of a task that does not run here (yet): open, and following its changelogs. */
export class Copy {
  readonly place: TaskPlace
  readonly state: TaskState
  readonly parts: readonly CopyPart[]
  /** On its way to being run. */
  isRestoring = false
  /** Whoever had it has closed it, or runs its task. */
  isRemoved = false
  error: Error | null = null
  /** When a batch of it was last made, on the monotonic clock. */
  writtenMs = 0
  readonly #done = Promise.withResolvers<void>()

  constructor(place: TaskPlace, state: TaskState, parts: readonly CopyPart[]) {
    this.place = place
    this.state = state
    this.parts = parts
    // Of a copy that is only followed nobody waits for the end.
    this.#done.promise.catch(() => undefined)
  }

  /** Resolves when it is restored; rejects with what went wrong. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Records of its changelogs that are committed and that it lacks. */
  get lagRecords(): number {
    let lag = 0
    for (const { position, stableEnd } of this.parts) lag += Math.max(0, stableEnd - position)
    return lag
  }

  /** How far it is, over all its changelogs. */
  get heldOffset(): number {
    let offset = 0
    for (const { position } of this.parts) offset += position
    return offset
  }

  /** Wall-clock time when all of it was last caught up; `nowMs` for what has no changelogs. */
  freshMs(nowMs: number): number {
    return this.parts.reduce((least, part) => Math.min(least, part.freshMs), nowMs)
  }

  finish(): void {
    this.#done.resolve()
  }

  fail(error: Error): void {
    this.error ??= error
    this.#done.reject(error)
  }
}
