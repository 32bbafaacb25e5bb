import { expect, test } from 'vitest'
import { gather } from './gather.ts'
import { isLive, readiness } from './health.ts'
import { Metrics } from './metrics.ts'
import { noReadings, type Readings, type ThreadReading, total } from './readings.ts'
import { openTask, readings } from './testing.ts'

const taken = (state: Readings['state'], given: Partial<Readings> = {}): Readings => ({
  ...readings({ state }),
  ...given,
})

const thread = (worker: number, given: Partial<ThreadReading> = {}): ThreadReading => ({
  worker,
  state: 'running',
  tasks: 2,
  replacements: 0,
  heapBytes: 1000,
  silentMs: 100,
  ...given,
})

test('counts are added, of tasks that moved from one thread to another too; open tasks stand side by side', () => {
  const a = taken('running', { tasks: [openTask({ task: '0_0' })] })
  const b = taken('running', {
    tasks: [openTask({ task: '0_1' })],
    blocks: new Map([['0_1', { times: 1, seconds: 2 }]]),
  })
  const sum = gather([a, b], [], [])
  expect(sum).toMatchObject({ state: 'running', commits: 18, aborts: 2, generations: 8 })
  expect(sum.restore).toEqual({ records: 2400, bytes: 68_000, remaining: 600, total: 3000 })
  expect(sum.tasks.map(({ task }) => task)).toEqual(['0_0', '0_1'])
  expect([...sum.counts.keys()]).toEqual(['0_0', '0_1'])
  expect(sum.counts.get('0_0')).toEqual({
    records: new Map([['payments', 200]]),
    dropped: new Map([['kpi-time late', 4]]),
    rejected: new Map([['ERR_DECODE', 6]]),
    counters: new Map([
      ['valid', 180],
      ['rejected', 8],
      ['rejected.ERR_TIME', 8],
      ['duplicates', 6],
    ]),
  })
  expect(sum.blocks).toEqual(
    new Map([
      ['0_0', { times: 2, seconds: 1.5 }],
      ['0_1', { times: 1, seconds: 2 }],
    ]),
  )
  // Nothing that was given is changed.
  expect(total(a, counts => counts.records, 'payments')).toBe(110)
})

test('what a thread that is gone has counted stays counted; what it ran does not', () => {
  const before = gather([taken('running')], [], [])
  const after = gather([noReadings('joining')], [before], [])
  expect(after.commits).toBe(before.commits)
  expect(total(after, counts => counts.records, 'payments')).toBe(110)
  expect(after.tasks).toEqual([])
  const { records, bytes } = before.restore
  expect(records).toBeGreaterThan(0)
  expect(after.restore).toEqual({ records, bytes, remaining: 0, total: 0 })
})

test.each([
  [['running', 'running'], 'running'],
  [['running', 'restoring'], 'restoring'],
  [['joining', 'restoring', 'running'], 'joining'],
  [['running', 'created'], 'created'],
  [['stopped', 'running'], 'stopped'],
  [['failed', 'created'], 'failed'],
] as const)('threads that are %j are %s together', (states, together) => {
  const sum = gather(
    states.map(state => noReadings(state)),
    [],
    [],
  )
  expect(sum.state).toBe(together)
  expect(readiness(sum).isReady).toBe(together === 'running')
})

test('a process with a thread that says nothing for long is not live', () => {
  const silent = (silentMs: number): Readings => readings({ threads: [thread(0), thread(1, { silentMs })] })
  expect(isLive(silent(29_000))).toBe(true)
  expect(isLive(silent(31_000))).toBe(false)
  expect(readiness(silent(0)).body).toMatchObject({
    threads: [
      { state: 'running', tasks: 2 },
      { state: 'running', tasks: 2 },
    ],
  })
})

test('metrics of threads have a label for them', async () => {
  const threads = [thread(0), thread(1, { replacements: 3, silentMs: 1500, heapBytes: 7 })]
  const text = (await new Metrics(() => readings({ threads })).text()).split('\n')
  for (const line of [
    'millrace_thread_tasks{thread="0"} 2',
    'millrace_thread_replacements_total{thread="1"} 3',
    'millrace_thread_silent_seconds{thread="1"} 1.5',
    'millrace_thread_heap_bytes{thread="1"} 7',
  ])
    expect(text).toContain(line)
})
