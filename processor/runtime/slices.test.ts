import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { topology } from '../../topology/stream.ts'
import type { Log, World } from '../ports.ts'
import { Harness, type Input } from '../testing/harness.ts'
import { silentLog, systemWorld } from '../world.ts'
import { blockedAfterMs } from './slices.ts'

const payments = topic('payments', text, int64)
const out = topic('out', text, int64)

const inputs: readonly Input[] = Array.from({ length: 300 }, (_, i) => ({
  topic: payments,
  key: 'k',
  value: i,
  timestamp: i,
  partition: i % 2,
}))

/** Time goes on only while user code works. */
function slowWorld(): { world: World; work: (ms: number) => void; lines: object[]; gaps: number[] } {
  const real = systemWorld(silentLog)
  const lines: object[] = []
  let workedMs = 0
  let turnMs = 0
  const gaps: number[] = []
  const log: Log = { ...silentLog, warn: (fields, message) => lines.push({ ...fields, message }) }
  const clock = { now: () => real.clock.now(), monotonic: () => real.clock.monotonic() + workedMs }
  const scheduler = {
    sleep: (ms: number, signal?: AbortSignal) => real.scheduler.sleep(ms, signal),
    yield: () => {
      gaps.push(workedMs - turnMs)
      turnMs = workedMs
      return real.scheduler.yield()
    },
  }
  return { world: { ...real, clock, scheduler, log }, work: ms => (workedMs += ms), lines, gaps }
}

async function run(slow: ReturnType<typeof slowWorld>, msOf: (value: number) => number) {
  const t = topology('app')
  t.stream(payments)
    .map(value => {
      slow.work(msOf(value))
      return value
    })
    .to(out)
  const harness = new Harness(slow.world)
  await harness.createTopics(t, 2)
  await harness.produce(inputs, [payments])
  const app = await harness.run(t)
  expect((await harness.read(out)).length).toBe(300)
  await harness.close()
  return app.read()
}

test('user code that holds the event loop is named: the task, its steps and the record', async () => {
  const slow = slowWorld()
  const readings = await run(slow, value => (value === 41 || value === 43 ? 2000 : 0))
  expect(readings.blocks.get('0_1')).toMatchObject({ times: expect.any(Number) })
  expect(readings.blocks.get('0_1')!.seconds).toBeCloseTo(4, 0)
  expect(readings.blocks.has('0_0')).toBe(false)
  const blocked = slow.lines.filter(line => 'milliseconds' in line)
  expect(blocked).toMatchObject([{ task: '0_1', steps: ['map'] }])
})

test('slow records are taken in short slices: what else there is to do does not wait for a long batch', async () => {
  const slow = slowWorld()
  const readings = await run(slow, () => 40)
  // 64 of them would be 2.5 s; after the first slices the loop is never held for long.
  const long = slow.gaps.filter(ms => ms > blockedAfterMs)
  expect(long.length).toBeLessThan(6)
  expect(Math.max(...slow.gaps.slice(-100))).toBeLessThan(blockedAfterMs)
  expect([...readings.blocks.values()].every(({ times }) => times < 4)).toBe(true)
})

test('a record that is slow by itself is named by its offset', async () => {
  const slow = slowWorld()
  await run(slow, () => 300)
  const blocked = slow.lines.filter(line => 'milliseconds' in line)
  // One line for each task in a minute of its time: the first is about a slice, the later ones about one record.
  expect(blocked.length).toBeGreaterThan(2)
  expect(blocked.at(-1)).toMatchObject({ records: 1, record: expect.stringMatching(/^payments-[01]@\d+$/) })
})
