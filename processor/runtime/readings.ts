import type { OpenTask, TaskCounts } from '../observe/readings.ts'
import type { Counter } from '../operators/operator.ts'
import type { Task } from './task.ts'
import type { AppTopics } from './topics.ts'

type Counts = { readonly [Name in keyof TaskCounts]: Map<string, number> }

const empty = (): Counts => ({ records: new Map(), dropped: new Map(), rejected: new Map(), counters: new Map() })

/** Counts of tasks, those that were closed included: a task that comes back goes on where it was. */
export class Ledger {
  readonly #closed = new Map<string, Counts>()

  /** Takes over what a task counted. It is closed, and will not be asked again. */
  retire(task: Task): void {
    this.#closed.set(task.id, this.#with(task))
  }

  read(open: Iterable<Task>): ReadonlyMap<string, TaskCounts> {
    const all = new Map<string, TaskCounts>(this.#closed)
    for (const task of open) all.set(task.id, this.#with(task))
    return all
  }

  #with(task: Task): Counts {
    const sums = empty()
    const before = this.#closed.get(task.id)
    if (before !== undefined) {
      for (const name of Object.keys(sums) as (keyof Counts)[])
        for (const [key, count] of before[name]) sums[name].set(key, count)
    }
    const { taken, drops, rejected, counters } = task.tallies
    for (const [topic, counter] of taken) add(sums.records, topic, counter)
    for (const [name, counter] of drops) add(sums.dropped, name, counter)
    for (const [code, counter] of rejected) add(sums.rejected, code, counter)
    for (const [name, counter] of counters) add(sums.counters, name, counter)
    return sums
  }
}

const add = (sums: Map<string, number>, name: string, counter: Counter): void => {
  sums.set(name, (sums.get(name) ?? 0) + counter.committed)
}

export function readTask(task: Task, topics: AppTopics): OpenTask {
  const { state } = task
  const { hits, reads, entries } = state.cacheStatistics
  return {
    task: task.id,
    streamTimeMs: task.streamTime,
    slowestUpstream: task.aligned?.slowest() ?? -1,
    isWaiting: task.waitingFor !== null,
    state: { hits, reads, entries, cacheBytes: state.cacheBytes, pendingBytes: state.pendingBytes },
    sources: task.queues.map(queue => ({
      topic: queue.source.topic,
      partition: queue.partition,
      lagRecords: queue.lagRecords + queue.waiting,
      committedOffset: task.committedPosition(queue.source.topic),
    })),
    stores: task.part.stores.map(({ name }) => ({
      topic: topics.changelog(name),
      partition: task.partition,
      storedOffset: state.storedOffset(name),
    })),
  }
}
