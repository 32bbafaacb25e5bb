import type { Readings, StateName, TaskCounts, ThreadReading } from './readings.ts'

/** From what is furthest from running. */
const states: readonly StateName[] = ['failed', 'created', 'connecting', 'stopped', 'joining', 'restoring', 'running']

/**
 * What the threads of a process say of themselves, as what one would say. `past`: of threads that are no more; their
 * counts stay, so that no sum goes back. (What one had committed since it last said something is not in them.)
 */
export function gather(
  now: readonly Readings[],
  past: readonly Readings[],
  threads: readonly ThreadReading[],
): Readings {
  const all = [...past, ...now]
  const sum = (of: (readings: Readings) => number): number => all.reduce((total, each) => total + of(each), 0)
  return {
    state: states.find(state => now.some(each => each.state === state)) ?? 'stopped',
    commits: sum(({ commits }) => commits),
    aborts: sum(({ aborts }) => aborts),
    generations: sum(({ generations }) => generations),
    restore: {
      records: sum(({ restore }) => restore.records),
      bytes: sum(({ restore }) => restore.bytes),
      remaining: now.reduce((total, { restore }) => total + restore.remaining, 0),
      total: now.reduce((total, { restore }) => total + restore.total, 0),
    },
    blocks: blocksOf(all),
    counts: countsOf(all),
    tasks: now.flatMap(({ tasks }) => tasks),
    copies: now.flatMap(({ copies }) => copies),
    threads,
  }
}

function blocksOf(all: readonly Readings[]): Readings['blocks'] {
  const sums = new Map<string, { times: number; seconds: number }>()
  for (const { blocks } of all) {
    for (const [task, { times, seconds }] of blocks) {
      const before = sums.get(task) ?? { times: 0, seconds: 0 }
      sums.set(task, { times: before.times + times, seconds: before.seconds + seconds })
    }
  }
  return sums
}

/** A task that has moved from one thread to another was counted by both, each its own share. */
function countsOf(all: readonly Readings[]): Readings['counts'] {
  const sums = new Map<string, TaskCounts>()
  for (const { counts } of all) {
    for (const [task, each] of counts) {
      const before = sums.get(task)
      sums.set(task, before === undefined ? each : added(before, each))
    }
  }
  return sums
}

const added = (a: TaskCounts, b: TaskCounts): TaskCounts => ({
  records: addedMaps(a.records, b.records),
  dropped: addedMaps(a.dropped, b.dropped),
  rejected: addedMaps(a.rejected, b.rejected),
  counters: addedMaps(a.counters, b.counters),
})

function addedMaps(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sums = new Map(a)
  for (const [name, count] of b) sums.set(name, (sums.get(name) ?? 0) + count)
  return sums
}
