import type { Over } from '../../topology/aggregates.ts'

/** The events of one key in the order of (time, arrival). */
export interface Events {
  readonly length: number
  time(index: number): number
  event(index: number): unknown
}

/** The first index whose time is not below `time`. */
export function lowerBound(events: Events, time: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (events.time(middle) < time) low = middle + 1
    else high = middle
  }
  return low
}

/** The first index whose time is above `time`. */
export function upperBound(events: Events, time: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (events.time(middle) <= time) low = middle + 1
    else high = middle
  }
  return low
}

/** A window of few events is found from its end. */
const stepsBack = 6

/** `lowerBound` for the window that ends with the event `at`: mostly all events are in it, or few. */
export function windowStart(events: Events, at: number, oldest: number): number {
  if (events.time(0) >= oldest) return 0
  for (let i = at; i > at - stepsBack && i > 0; i--) if (events.time(i - 1) < oldest) return i
  return lowerBound(events, oldest)
}

/** The result of a span at the event `at`, folded anew from `from` on, where its window begins. */
export function foldWindow(
  { aggregate, includes }: Over<any, any, any>,
  events: Events,
  from: number,
  at: number,
): unknown {
  let fold: unknown = aggregate.init()
  const end = includes === 'prior' ? at : at + 1
  for (let i = from; i < end; i++) fold = aggregate.add(fold, events.event(i))
  return aggregate.result(fold)
}

/**
 * One aggregate over the last `spanMs` of one key, moved along as events come: O(1) amortised for each event. Where the
 * aggregate cannot take a value out again exactly, two stacks do it (the front one holds, for each event, the fold of
 * it and
 * all younger ones of the front; the back is one fold):
 *
 * ```
 *   events      a  b  c | d  e          front: abc, bc, c       back: de
 *   a leaves       b  c | d  e          front:      bc, c       back: de
 * ```
 */
export class RunningSpan {
  readonly #over: Over<any, any, any>
  /** The window is `[from, to)` of the key's events. */
  #from = 0
  #to = 0
  #known = false
  #fold: unknown = undefined
  /** Folds of the front stack, the oldest event's last; only without `subtract`. */
  #front: unknown[] = []

  constructor(over: Over<any, any, any>) {
    this.#over = over
  }

  /**
   * The result at the last event of the list, which is the youngest. It may be the fold itself and is good until the
   * next
   * call: so a span of prior events takes the last one in only then.
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
    const { aggregate } = this.#over
    this.#from = lowerBound(events, oldest)
    this.#front = []
    this.#fold = aggregate.init()
    for (let i = this.#from; i < end; i++) this.#fold = aggregate.add(this.#fold, events.event(i))
    this.#to = end
    this.#known = true
  }

  #expire(events: Events, oldest: number): void {
    const { aggregate } = this.#over
    while (this.#from < this.#to && events.time(this.#from) < oldest) {
      if (aggregate.subtract !== undefined) this.#fold = aggregate.subtract(this.#fold, events.event(this.#from))
      else {
        if (this.#front.length === 0) this.#turnOver(events)
        this.#front.pop()
      }
      this.#from++
    }
  }

  /** Moves the back stack to the front one. */
  #turnOver(events: Events): void {
    const { aggregate } = this.#over
    let younger: unknown = aggregate.init()
    for (let i = this.#to - 1; i >= this.#from; i--) {
      younger = aggregate.merge(aggregate.add(aggregate.init(), events.event(i)), younger)
      this.#front.push(younger)
    }
    this.#fold = aggregate.init()
  }

  #result(): unknown {
    const { aggregate } = this.#over
    if (aggregate.subtract !== undefined || this.#front.length === 0) return aggregate.result(this.#fold)
    const front: unknown = aggregate.merge(aggregate.init(), this.#front[this.#front.length - 1])
    return aggregate.result(aggregate.merge(front, this.#fold))
  }
}
