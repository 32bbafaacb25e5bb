import { expect, test } from 'vitest'
import { AlignedTime, idleStamp } from './time.ts'

const idle = idleStamp

/** Stamps as they come, and what the time is after each. */
type Row = readonly [upstream: number, stamp: number, now: number]

function play(time: AlignedTime, rows: readonly Row[]): void {
  for (const [upstream, stamp, now] of rows) {
    const before = time.now
    const moved = time.mark(upstream, stamp)
    expect([upstream, stamp, time.now, moved]).toEqual([upstream, stamp, now, now > before])
  }
}

test('the least of the stamps, -1 while one has not been heard of', () => {
  play(new AlignedTime(2), [
    [0, 12, -1],
    [1, 12, 12],
    [0, 13, 12],
    [1, 14, 13],
    [0, 15, 14],
    [1, 18, 15],
  ])
})

test('a stamp that goes back is not taken', () => {
  play(new AlignedTime(2), [
    [0, 20, -1],
    [1, 10, 10],
    [1, 5, 10],
    [1, 11, 11],
    [0, 3, 11],
    [1, 30, 20],
  ])
})

test('an idle partition is left out until it speaks, and time does not go back for it', () => {
  const time = new AlignedTime(3)
  play(time, [
    [0, 50, -1],
    [1, 60, -1],
    [2, idle, 50],
    [1, idle, 50],
    [0, 70, 70],
    [1, 40, 70],
    [0, 90, 70],
    [1, 80, 80],
    [2, 5, 80],
  ])
  expect(time.slowest()).toBe(2)
})

test('when all are idle time stands still', () => {
  const time = new AlignedTime(2)
  play(time, [
    [0, 5, -1],
    [1, 7, 5],
    [0, idle, 7],
    [1, idle, 7],
    [0, 6, 7],
    [0, 9, 9],
  ])
})

test('the end of all is the end; one that ended speaks no more', () => {
  play(new AlignedTime(2), [
    [0, Infinity, -1],
    [1, 5, 5],
    [0, 3, 5],
    [0, idle, 5],
    [1, Infinity, Infinity],
  ])
})

test('stamps of partitions that do not exist are ignored', () => {
  play(new AlignedTime(1), [
    [7, 99, -1],
    [0, 4, 4],
  ])
})

test('the slowest is named: the least stamp that is not idle, the first of equals, none when all are idle', () => {
  const time = new AlignedTime(3)
  expect(time.slowest()).toBe(0)
  play(time, [
    [0, 10, -1],
    [2, 5, -1],
  ])
  expect(time.slowest()).toBe(1)
  time.mark(1, 5)
  expect(time.slowest()).toBe(1)
  for (const upstream of [0, 1, 2]) time.mark(upstream, idle)
  expect(time.slowest()).toBe(-1)
})

test('taken up again it decides as before, where the least stamp is below the time too', () => {
  const before = new AlignedTime(2)
  play(before, [
    [0, 15, -1],
    [1, 3, 3],
    [1, idle, 15],
    [0, 16, 16],
    [1, 13, 16],
  ])
  const after = new AlignedTime(2)
  after.restore({ streamTime: before.now, stamps: [...before.stamps], slots: [] })
  play(after, [
    [1, 14, 16],
    [1, 15, 16],
    [1, 20, 16],
    [0, 18, 18],
  ])
})

test('the version tells whether there is something to write down', () => {
  const time = new AlignedTime(2)
  const { version } = time
  time.mark(9, 1)
  expect(time.version).toBe(version)
  time.mark(0, 1)
  expect(time.version).toBeGreaterThan(version)
})
