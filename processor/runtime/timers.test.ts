import { expect, test } from 'vitest'
import { Timers } from './timers.ts'

function calls(timers: Timers, clock: 'stream' | 'wall', everyMs: number, nowMs = 0): number[] {
  const made: number[] = []
  timers.schedule(everyMs, clock, timeMs => made.push(timeMs), nowMs)
  return made
}

test('stream time 10: at once, then at multiples, the missed ones as one, with the time as it is', () => {
  const timers = new Timers(-1)
  const made = calls(timers, 'stream', 10)
  for (const timeMs of [3, 3, 9, 10, 11, 19, 35, 39, 40, 40]) timers.onStreamTime(timeMs)
  expect(made).toEqual([3, 10, 35, 40])
})

test('wall time 10: after one interval, then at every further one', () => {
  const timers = new Timers(-1)
  const made = calls(timers, 'wall', 10)
  for (const nowMs of [0, 9, 10, 12, 45, 49, 50]) timers.onWallTime(nowMs)
  expect(made).toEqual([10, 45, 50])
})

test('wall time counts from when it was asked for', () => {
  const timers = new Timers(-1)
  const made = calls(timers, 'wall', 10, 1003)
  for (const nowMs of [1010, 1012, 1013, 1030, 1033]) timers.onWallTime(nowMs)
  expect(made).toEqual([1013, 1030, 1033])
})

test('after a rollback the calls that were made are not made again; what is asked for later is called at once', () => {
  const timers = new Timers(35)
  const made = calls(timers, 'stream', 10)
  for (const timeMs of [35, 39, 40]) timers.onStreamTime(timeMs)
  expect(made).toEqual([40])
  const late = calls(timers, 'stream', 10)
  timers.onStreamTime(41)
  expect(late).toEqual([41])
})

test('a timer may cancel itself, and others are called all the same', () => {
  const timers = new Timers(-1)
  const first: number[] = []
  const cancel = timers.schedule(
    10,
    'stream',
    timeMs => {
      first.push(timeMs)
      cancel()
      cancel()
    },
    0,
  )
  const second = calls(timers, 'stream', 10)
  for (const timeMs of [5, 15]) timers.onStreamTime(timeMs)
  expect([first, second]).toEqual([[5], [5, 15]])
  expect([timers.hasStream, timers.hasWall]).toEqual([true, false])
})
