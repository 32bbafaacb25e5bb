import type { Aggregate, Over } from '../../topology/aggregates.ts'
import type { StateSerde } from '../../topology/aggregate-state.ts'
import { type Events, lowerBound } from './span.ts'

/** What a running fold costs in memory beside its accumulators, roughly. */
const overheadBytes = 200
/** The same for one accumulator, where the aggregate does not say. */
const accumulatorBytes = 64

/**
 * One aggregate over the last `spanMs` of one key, moved along as events come: O(1) amortised for each event. Where the
 * aggregate cannot take a value out again exactly, two stacks do it. The back is one fold, of what came last. The front
 * holds the fold from each event to the end of the front, so that the oldest event leaves by being popped; when it is
 * empty, the back becomes the front. So that n events do not need n folds, the front keeps only those from the start of
 * each block of sqrt(n) events, and those from each event of the oldest block:
 *
 * ```
 *   events         a  b  c  d  e  f  g  h  i | j  k
 *   front          a..i  b..i  c..i  d..i  g..i          back j..k
 *   a to c leave   d..i  g..i                            back j..k
 *   d leaves       e..i  f..i  g..i                      back j..k
 * ```
 *
 * Two stacks: Tangwongsan, Hirzel, Schneider and Wu (2015), "General Incremental Sliding-Window Aggregation".
 */
export class RunningSpan {
  readonly #over: Over<any, any, any>
  /** The window is `[from, to)` of the key's events. */
  #from = 0
  #to = 0
  #known = false
  /** The fold of the back; with `subtract`, of the whole window. */
  #fold: unknown = undefined
  #frontEnd = 0
  #blockSize = 1
  /** Folds to the end of the front: from each event of the oldest block; from each later block. The oldest is last. */
  readonly #block: unknown[] = []
  readonly #blocks: unknown[] = []

  constructor(over: Over<any, any, any>) {
    this.#over = over
  }

  /** Memory of the folds, roughly. */
  get bytes(): number {
    if (!this.#known) return overheadBytes
    const { aggregate } = this.#over
    const own = overheadBytes + sizeOf(aggregate, this.#fold)
    const kept = this.#block.length + this.#blocks.length
    return kept === 0 ? own : own + kept * sizeOf(aggregate, this.#block.at(-1) ?? this.#blocks.at(-1))
  }

  /**
   * The result at the last event of the list, which is the youngest. It may be the fold itself and is good until the
   * next call: so a span of prior events takes the last one in only then.
   */
  append(events: Events): unknown {
    const { aggregate, includes, spanMs } = this.#over
    const last = events.length - 1
    const oldest = events.time(last) - spanMs
    const end = includes === 'prior' ? last : last + 1
    if (!this.#known) this.#restart(events, oldest, end)
    else {
      for (; this.#to < end; this.#to++) this.#fold = aggregate.add(this.#fold, events.event(this.#to))
      this.#expire(events, oldest)
    }
    return this.#result()
  }

  #restart(events: Events, oldest: number, end: number): void {
    this.#from = lowerBound(events, oldest)
    this.#fold = this.#foldOf(events, this.#from, end)
    this.#to = end
    this.#known = true
  }

  #expire(events: Events, oldest: number): void {
    const { aggregate } = this.#over
    while (this.#from < this.#to && events.time(this.#from) < oldest) {
      if (aggregate.subtract !== undefined) this.#fold = aggregate.subtract(this.#fold, events.event(this.#from))
      else {
        if (this.#block.length === 0) {
          if (this.#from >= this.#frontEnd) this.#turnOver(events)
          else this.#blocks.pop()
          this.#openBlock(events)
        }
        this.#block.pop()
      }
      this.#from++
    }
  }

  /** Moves the back stack to the front one, which is empty. */
  #turnOver(events: Events): void {
    const { aggregate } = this.#over
    this.#frontEnd = this.#to
    this.#blockSize = Math.ceil(Math.sqrt(this.#to - this.#from))
    let younger: unknown = aggregate.init()
    const blocks = Math.ceil((this.#to - this.#from) / this.#blockSize)
    for (let i = blocks - 1; i > 0; i--) {
      const start = this.#from + i * this.#blockSize
      const end = Math.min(start + this.#blockSize, this.#to)
      younger = aggregate.merge(this.#foldOf(events, start, end), younger)
      this.#blocks.push(younger)
    }
    this.#fold = aggregate.init()
  }

  /** Folds from each event of the block that begins the front now. */
  #openBlock(events: Events): void {
    const { aggregate } = this.#over
    const end = Math.min(this.#from + this.#blockSize, this.#frontEnd)
    let younger: unknown = this.#blocks.length === 0 ? aggregate.init() : this.#blocks.at(-1)
    for (let i = end - 1; i >= this.#from; i--) {
      younger = aggregate.merge(aggregate.add(aggregate.init(), events.event(i)), younger)
      this.#block.push(younger)
    }
  }

  #foldOf(events: Events, start: number, end: number): unknown {
    const { aggregate } = this.#over
    let fold: unknown = aggregate.init()
    for (let i = start; i < end; i++) fold = aggregate.add(fold, events.event(i))
    return fold
  }

  #result(): unknown {
    const { aggregate } = this.#over
    const stack = this.#block.length > 0 ? this.#block : this.#blocks
    if (stack.length === 0) return aggregate.result(this.#fold)
    const front: unknown = aggregate.merge(aggregate.init(), stack.at(-1))
    return aggregate.result(aggregate.merge(front, this.#fold))
  }
}

function sizeOf(aggregate: Aggregate<any, any, any>, accumulator: unknown): number {
  return (
    aggregate.sizeBytes?.(accumulator) ??
    accumulatorBytes + ((aggregate.state as StateSerde<unknown> | undefined)?.sizeBytes ?? 0)
  )
}
