import { expect, test } from 'vitest'
import { silentLog, systemWorld } from './world.ts'

const { scheduler, clock, random } = systemWorld(silentLog)

test('an aborted sleep resolves at once and leaves no listener behind', async () => {
  const abort = new AbortController()
  const start = clock.monotonic()
  const sleeping = scheduler.sleep(60_000, abort.signal)
  abort.abort()
  await sleeping
  await scheduler.sleep(60_000, abort.signal)
  expect(clock.monotonic() - start).toBeLessThan(10_000)
})

test('a sleep lasts as long as asked', async () => {
  const start = clock.monotonic()
  await scheduler.sleep(20, new AbortController().signal)
  expect(clock.monotonic() - start).toBeGreaterThanOrEqual(18)
})

test('yield lets a timer that is due run first', async () => {
  let ran = false
  const sleeping = scheduler.sleep(0).then(() => (ran = true))
  for (let turns = 0; turns < 1000 && !ran; turns++) await scheduler.yield()
  expect(ran).toBe(true)
  await sleeping
})

test('chance is in [0, 1)', () => {
  const draws = Array.from({ length: 1000 }, () => random.next())
  expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...draws)).toBeLessThan(1)
  expect(new Set(draws).size).toBeGreaterThan(900)
})
