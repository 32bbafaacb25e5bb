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
