import { expect, test } from 'vitest'
import type { Aggregate, Over } from '../../topology/aggregates.ts'
import { withoutSerde } from '../../topology/picking.ts'
import { RunningSpan } from './running-span.ts'
import { foldWindow, lowerBound } from './span.ts'

/** A list that changes in place, and is its own result: what a careless fold would hand out with the event in it. */
const list = (canSubtract: boolean): Aggregate<number, number[], number[]> => ({
  kind: 'list',
  init: () => [],
  add(all, value) {
    all.push(value)
    return all
  },
  merge(left, right) {
    left.push(...right)
    return left
  },
  ...(canSubtract
    ? {
        subtract(all: number[], value: number) {
          expect(all.shift()).toBe(value)
          return all
        },
      }
    : {}),
  result: all => all,
  state: withoutSerde,
})

test.each([
  { includes: 'event', canSubtract: true },
  { includes: 'event', canSubtract: false },
  { includes: 'prior', canSubtract: true },
  { includes: 'prior', canSubtract: false },
] as const)('the window at each event: %o', ({ includes, canSubtract }) => {
  const over: Over<number, number[], number[]> = { spanMs: 10, includes, aggregate: list(canSubtract) }
  let span = new RunningSpan(over)
  const times: number[] = []
  const events: number[] = []
  for (const [i, time] of [0, 3, 3, 9, 10, 13, 14, 40, 41, 50, 51].entries()) {
    times.push(time)
    events.push(i)
    const wanted = events.filter(j => times[j]! >= time - 10 && (includes === 'event' || j !== i))
    const all = { length: times.length, time: (at: number) => times[at]!, event: (at: number) => events[at] }
    expect(foldWindow(over, all, lowerBound(all, time - 10), i)).toEqual(wanted)
    expect(span.append(all)).toEqual(wanted)
    // Begun anew in the middle: folds what is there.
    if (i === 6) span = new RunningSpan(over)
  }
})
