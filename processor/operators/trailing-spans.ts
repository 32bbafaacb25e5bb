import type { Over } from '../../topology/aggregates.ts'
import type { EventBook } from './event-book.ts'
import { RunningSpan } from './running-span.ts'
import { foldWindow, windowStart } from './span.ts'

/** A window of more events than this keeps its fold; smaller ones are folded anew, which takes no memory. */
const keptFrom = 32
/** What a key with kept folds costs in memory beside them, roughly. */
const rowBytes = 200

/** The running folds of one row, by span; null where its window is short. */
interface Running {
  readonly folds: (RunningSpan | null)[]
  bytes: number
}

/** The results of all spans at an event, over the book's row. */
export class TrailingSpans {
  readonly #spans: readonly Over<any, any, any>[]
  readonly #names: readonly string[]
  /** Where the window of each span begins. */
  readonly #from: number[] = []
  readonly #running = new Map<number, Running>()
  #bytes = 0

  constructor(spans: Readonly<Record<string, Over<any, any, any>>>) {
    this.#spans = Object.values(spans)
    this.#names = Object.keys(spans)
  }

  /** Memory of all running folds, roughly. */
  get bytes(): number {
    return this.#bytes
  }

  /** Writes the result of each span at the event `at` to `results`. */
  at(book: EventBook, row: number, at: number, results: Record<string, unknown>): void {
    const isLast = at === book.length - 1
    // A late event is in windows that were folded without it.
    if (!isLast) this.forget(row)
    let running = this.#running.get(row)
    this.#findWindows(book, running?.folds, at)
    for (let i = 0; i < this.#spans.length; i++) {
      const span = this.#spans[i]!
      const from = this.#from[i]!
      let kept = running?.folds[i] ?? null
      if (kept === null && isLast && at - from >= keptFrom) {
        running ??= this.#open(row)
        kept = new RunningSpan(span)
        running.folds[i] = kept
      }
      results[this.#names[i]!] = kept === null ? foldWindow(span, book, from, at) : kept.append(book)
    }
    if (running !== undefined) this.#measure(running)
  }

  #open(row: number): Running {
    const running = { folds: this.#spans.map(() => null), bytes: 0 }
    this.#running.set(row, running)
    return running
  }

  #measure(running: Running): void {
    let bytes = rowBytes
    for (let i = 0; i < running.folds.length; i++) bytes += running.folds[i]?.bytes ?? 0
    this.#bytes += bytes - running.bytes
    running.bytes = bytes
  }

  /** Where each window that is folded anew begins; the events of all of them are made ready at once. */
  #findWindows(book: EventBook, running: readonly (RunningSpan | null)[] | undefined, at: number): void {
    let first = at
    const time = book.time(at)
    for (let i = 0; i < this.#spans.length; i++) {
      if ((running?.[i] ?? null) !== null) continue
      const from = windowStart(book, at, time - this.#spans[i]!.spanMs)
      this.#from[i] = from
      if (from < first) first = from
    }
    if (first < at) book.expect(first)
  }

  /** Forgets the folds of about as many keys as it takes: those that were begun first. */
  evict(budgetBytes: number): void {
    for (const row of this.#running.keys()) {
      if (this.bytes <= budgetBytes) return
      this.forget(row)
    }
  }

  /** The row is gone, or its events have moved. */
  forget(row: number): void {
    const running = this.#running.get(row)
    if (running === undefined) return
    this.#bytes -= running.bytes
    this.#running.delete(row)
  }
}
