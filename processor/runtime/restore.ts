import { AppError } from '../errors.ts'
import type { Admin, FetchedPartition, Kafka, TopicPartition, World } from '../ports.ts'
import type { TaskState } from '../state/task-state.ts'

/** A store of a task that has to catch up with its changelog. */
export interface Restoring extends TopicPartition {
  readonly store: string
  readonly state: TaskState
  /** The first changelog offset that is not in the store. */
  readonly from: number
}

export interface RestoreProgress {
  records: number
  bytes: number
  /** Offsets still to go, over all partitions. */
  remaining: number
  /** Offsets there were at the beginning. */
  total: number
  readonly startedMs: number
}

/** Of three in a row at least the middle one is a whole answer in which nobody got anything. */
const emptyFetchesMost = 3

interface Target extends Restoring {
  position: number
  readonly end: number
  /** Full fetches in a row that brought nothing although the end is not reached. */
  emptyFetches: number
}

/** Why stores cannot be caught up, by partition: their offsets are not in the changelog (any more). */
export class OffsetsGone extends AppError {
  readonly partitions: readonly Restoring[]

  constructor(partitions: readonly Restoring[]) {
    super('OFFSET_OUT_OF_RANGE', `The changelog does not hold the offsets of ${partitions.length} stores any more.`)
    this.partitions = partitions
  }
}

/**
 * Brings stores up to the end of their changelogs, all of them in one fetch loop.
 *
 * The target is the high watermark of now, asked for without isolation: the last stable offset may be held back by a
 * dead writer. Records are read committed, until the *position* reaches the target: its last records may be aborted
 * ones, markers or holes. When the marker at the very end was compacted away the position cannot reach it; then three
 * fetches in a row that bring nothing to anybody, with everything stable, are the end (rules Q1 to Q3).
 */
export async function restore(
  partitions: readonly Restoring[],
  kafka: Kafka,
  world: World,
  progress: RestoreProgress,
  signal: AbortSignal,
): Promise<void> {
  const targets = await findTargets(partitions, kafka.admin())
  progress.total = targets.reduce((sum, target) => sum + target.end - target.position, 0)
  progress.remaining = progress.total
  const open = new Map(targets.filter(target => target.position < target.end).map(target => [key(target), target]))
  if (open.size === 0) return
  const fetcher = kafka.fetcher({ isolation: 'read_committed', partitionMaxBytes: 4 << 20 })
  try {
    fetcher.assign([...open.values()].map(({ topic, partition, position }) => ({ topic, partition, offset: position })))
    while (open.size > 0 && !signal.aborted) {
      for (const fetched of await fetcher.poll(500)) {
        const target = open.get(key(fetched))
        if (target === undefined) continue
        // An answer that others filled says nothing of who came away empty.
        if (fetched.bytes > 0) for (const other of open.values()) other.emptyFetches = 0
        await apply(target, fetched, world, progress)
        if (!isDone(target, fetched)) continue
        open.delete(key(target))
        fetcher.unassign([target])
      }
    }
  } finally {
    await fetcher.close()
  }
}

async function findTargets(partitions: readonly Restoring[], admin: Admin): Promise<Target[]> {
  const ends = byPartition(await admin.offsets(partitions, 'latest', 'read_uncommitted'))
  const starts = byPartition(await admin.offsets(partitions, 'earliest', 'read_uncommitted'))
  const gone = partitions.filter(at => at.from > ends.get(key(at))! || (at.from > 0 && at.from < starts.get(key(at))!))
  if (gone.length > 0) throw new OffsetsGone(gone)
  return partitions.map(at => ({
    ...at,
    position: Math.max(at.from, starts.get(key(at))!),
    end: ends.get(key(at))!,
    emptyFetches: 0,
  }))
}

async function apply(
  target: Target,
  fetched: FetchedPartition,
  world: World,
  progress: RestoreProgress,
): Promise<void> {
  if (fetched.error !== null) {
    if (fetched.error === 'OFFSET_OUT_OF_RANGE') throw new OffsetsGone([target])
    throw new AppError('KAFKA', `Restoring '${target.store}' failed: ${fetched.error}`, { place: target })
  }
  const before = target.position
  target.position = Math.max(before, fetched.nextOffset)
  target.emptyFetches = fetched.bytes === 0 && target.position === before ? target.emptyFetches + 1 : 0
  if (target.position > before)
    await target.state.restore(target.store, fetched.records, target.position, world.clock.now())
  progress.records += fetched.records.length
  progress.bytes += fetched.bytes
  progress.remaining -= target.position - before
}

const isDone = (target: Target, fetched: FetchedPartition): boolean =>
  target.position >= target.end || (target.emptyFetches >= emptyFetchesMost && fetched.lastStableOffset >= target.end)

const key = (at: TopicPartition): string => `${at.topic}-${at.partition}`

const byPartition = (offsets: readonly (TopicPartition & { offset: number })[]): ReadonlyMap<string, number> =>
  new Map(offsets.map(at => [key(at), at.offset]))
