import type { Serde } from '../../schemas/serde.ts'
import type { Over } from '../../topology/aggregates.ts'
import { EventLog } from './event-log.ts'
import { lowerBound, RunningSpan, upperBound } from './span.ts'

/**
 * The remembered events of one key, with the running aggregates of every span. Only the events are state; the
 * aggregates are folded again after a load or a late event.
 */
export class KeyHistory {
  readonly log: EventLog
  /** The numbers of its chunks in the store, ascending; events go into the last one. */
  chunks: number[]
  /** The last chunk has to be written. */
  isDirty = false
  headerDirty = false
  used = true
  readonly #spans: readonly RunningSpan[]

  constructor(spans: readonly Over<any, any, any>[], chunks: readonly number[], event: Serde<any>) {
    this.log = new EventLog(event)
    this.#spans = spans.map(span => new RunningSpan(span))
    this.chunks = [...chunks]
  }

  /** Adds an event and writes the result of each span at it to `results`, under the names in order. */
  add(time: number, event: unknown, names: readonly string[], results: Record<string, unknown>): void {
    const { log } = this
    const last = log.length - 1
    const spans = this.#spans
    if (last >= 0 && log.times[last]! > time) this.#addLate(time, event, names, results)
    else {
      log.insert(last + 1, time, event)
      for (let i = 0; i < spans.length; i++) results[names[i]!] = spans[i]!.append(log)
    }
    log.settle()
  }

  /**
   * ```
   *   t=8s   t=9.2s        t=12.4s, arrives last: [3 ... 8]
   *  [3 ... 8]                        holds it; results that were given for 9.2 and 12.4 stay as they are
   * ```
   * Its own result is folded in full; the running aggregates begin anew with the next event.
   */
  #addLate(time: number, event: unknown, names: readonly string[], results: Record<string, unknown>): void {
    const at = upperBound(this.log.times, time)
    this.log.insert(at, time, event)
    for (const [i, span] of this.#spans.entries()) results[names[i]!] = span.foldAt(this.log, at)
    for (const span of this.#spans) span.forget()
  }

  /** Forgets events before `time`, which no window reaches any more; says how many. */
  trim(time: number): number {
    // Half of the list or nothing: moving the rest costs as much as it frees.
    const gone = lowerBound(this.log.times, time)
    if (gone === 0 || gone * 2 < this.log.length) return 0
    this.log.drop(gone)
    for (const span of this.#spans) span.shift(gone)
    return gone
  }
}
