import { expect, test } from 'vitest'
import { silentLog } from '../world.ts'
import { Draws } from './draws.ts'
import { Machine } from './machine.ts'
import { Timeline } from './timeline.ts'

const setup = (): { timeline: Timeline; machine: Machine; seen: string[] } => {
  const timeline = new Timeline()
  const machine = new Machine({
    name: 'one',
    timeline,
    draws: new Draws(1),
    log: silentLog,
    lookMs: () => 0,
    yieldMs: 0.1,
  })
  return { timeline, machine, seen: [] }
}

const never = (): boolean => false

test('events come in the order of their times, and those of one time as they were asked for', async () => {
  const { timeline, seen } = setup()
  for (const [ms, name] of [
    [5, 'c'],
    [1, 'a'],
    [5, 'd'],
    [3, 'b'],
  ] as const)
    timeline.after(ms, () => seen.push(name))
  expect(await timeline.runUntil(never, 100)).toBe(false)
  expect(seen).toEqual(['a', 'b', 'c', 'd'])
})

test('all that follows from an event comes before the next one', async () => {
  const { timeline, seen } = setup()
  const chain = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await Promise.resolve()
    seen.push('followed')
  }
  timeline.after(1, () => void chain())
  timeline.after(1, () => seen.push('next'))
  await timeline.runUntil(never, 100)
  expect(seen).toEqual(['followed', 'next'])
})

test('a killed process hears of nothing any more', async () => {
  const { timeline, machine, seen } = setup()
  void machine.world.scheduler.sleep(10).then(() => seen.push('woke'))
  timeline.after(5, () => machine.kill())
  await timeline.runUntil(never, 100)
  expect(seen).toEqual([])
})

test('a paused process hears of everything when it goes on, by a clock that went on', async () => {
  const { timeline, machine, seen } = setup()
  const { clock, scheduler } = machine.world
  void scheduler.sleep(10).then(() => seen.push(`woke at ${clock.monotonic()}`))
  timeline.after(5, () => machine.pause())
  timeline.after(50, () => machine.resume())
  await timeline.runUntil(never, 100)
  expect(seen).toEqual(['woke at 50'])
})

test('who looks at the clock again has worked meanwhile, and what comes waits', async () => {
  const timeline = new Timeline()
  const seen: string[] = []
  const options = { name: 'one', timeline, draws: new Draws(1), log: silentLog, lookMs: () => 4, yieldMs: 0.1 }
  const machine = new Machine(options)
  const { clock, scheduler } = machine.world
  const work = async (): Promise<void> => {
    await scheduler.sleep(1)
    seen.push(`at ${timeline.nowMs}: ${clock.monotonic()} ${clock.monotonic()}`)
  }
  void work()
  void scheduler.sleep(2).then(() => seen.push(`at ${timeline.nowMs}`))
  await timeline.runUntil(never, 100)
  expect(seen).toEqual(['at 1: 1 5', 'at 5'])
})

test('an ambush kills at the crossing that it waits for', () => {
  const { machine, seen } = setup()
  machine.ambush = { matches: port => port === 'store write', skips: 1, onSprung: () => seen.push('sprung') }
  expect(['sleep', 'store write', 'store write', 'store write'].map(port => machine.crossing(port))).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect(seen).toEqual(['sprung'])
})
