// What an application says of itself at one moment: plain numbers, read when somebody asks. Counts are committed ones,
// so they never go back while the process lives.

export interface TaskCounts {
  /** Records taken, by source topic. */
  readonly records: ReadonlyMap<string, number>
  /** Records, or their parts in windows, that were not taken: `<step> <reason>`. */
  readonly dropped: ReadonlyMap<string, number>
  /** Records that could not be decoded or processed, by code. */
  readonly rejected: ReadonlyMap<string, number>
  /** Counts of the topology's own code, by name. */
  readonly counters: ReadonlyMap<string, number>
}

export interface SourceReading {
  readonly topic: string
  readonly partition: number
  /** Offsets between what was taken and the end of the partition, as of the last fetch. */
  readonly lagRecords: number
  /** Records below this offset were processed, and that is committed. */
  readonly committedOffset: number
}

export interface StoreReading {
  /** Name of the changelog. */
  readonly topic: string
  readonly partition: number
  /** Changelog records below this offset are in the database of this process. */
  readonly storedOffset: number
}

export interface TaskState {
  /** Decoded entries held in memory. */
  readonly entries: number
  readonly cacheBytes: number
  /** Committed changes that are not on disk yet. */
  readonly pendingBytes: number
  /** Point reads of the disk. */
  readonly reads: number
  /** Reads answered from memory. */
  readonly hits: number
}

/** A task that runs here. */
export interface OpenTask {
  readonly task: string
  /** -1 before the first record. */
  readonly streamTimeMs: number
  /** The upstream partition that holds its time back; -1: none, or not behind a repartition topic. */
  readonly slowestUpstream: number
  readonly isWaiting: boolean
  readonly state: TaskState
  readonly sources: readonly SourceReading[]
  readonly stores: readonly StoreReading[]
}

/** A copy of a task's state that is kept up to date here while the task runs elsewhere. */
export interface CopyReading {
  readonly task: string
  /** In case, or because the task is to move here. */
  readonly kind: 'standby' | 'warmup'
  readonly stores: readonly {
    /** Name of the changelog. */
    readonly topic: string
    readonly partition: number
    /** Committed records that it lacks, as of the last fetch. */
    readonly lagRecords: number
  }[]
}

/** Of state on its way to tasks that are to run here; records and bytes since the start. */
export interface RestoreReading {
  readonly records: number
  readonly bytes: number
  readonly remaining: number
  readonly total: number
}

/** One thread of a process that has several. */
export interface ThreadReading {
  readonly worker: number
  readonly state: StateName
  readonly tasks: number
  /** How often it was replaced after a crash. */
  readonly replacements: number
  readonly heapBytes: number
  /** Since it last said something: its event loop is held, by user code or by the collection of garbage. */
  readonly silentMs: number
}

export type StateName = 'created' | 'connecting' | 'joining' | 'restoring' | 'running' | 'stopped' | 'failed'

export interface Readings {
  readonly state: StateName
  readonly commits: number
  readonly aborts: number
  /** Assignments by the group so far. */
  readonly generations: number
  readonly restore: RestoreReading
  /** How often user code of a task held the event loop for long, by task, and for how long. */
  readonly blocks: ReadonlyMap<string, { readonly times: number; readonly seconds: number }>
  /** Of every task that has run here since the start, by its id. */
  readonly counts: ReadonlyMap<string, TaskCounts>
  readonly tasks: readonly OpenTask[]
  /** Empty where the worker runs in the thread that answers. */
  readonly threads: readonly ThreadReading[]
  readonly copies: readonly CopyReading[]
}

/** Of an application that does not run. */
export const noReadings = (state: StateName): Readings => ({
  state,
  commits: 0,
  aborts: 0,
  generations: 0,
  blocks: new Map(),
  restore: { records: 0, bytes: 0, remaining: 0, total: 0 },
  counts: new Map(),
  tasks: [],
  copies: [],
  threads: [],
})

export type Read = () => Readings

/** One count over all tasks. */
export function total(
  readings: Readings,
  of: (counts: TaskCounts) => ReadonlyMap<string, number>,
  name: string,
): number {
  let sum = 0
  for (const counts of readings.counts.values()) sum += of(counts).get(name) ?? 0
  return sum
}

/** The counts by name over all tasks. */
export function totals(
  readings: Readings,
  of: (counts: TaskCounts) => ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const counts of readings.counts.values()) {
    for (const [name, count] of of(counts)) sums.set(name, (sums.get(name) ?? 0) + count)
  }
  return sums
}
