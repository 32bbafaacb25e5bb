import type { OpenTask, Readings, TaskCounts } from './readings.ts'

// For tests: readings of a small application.

const counts = (given: Partial<TaskCounts>): TaskCounts => ({
  records: new Map(),
  dropped: new Map(),
  rejected: new Map(),
  counters: new Map(),
  ...given,
})

export const openTask = (given: Partial<OpenTask> = {}): OpenTask => ({
  task: '0_0',
  streamTimeMs: 1_700_000_000_500,
  slowestUpstream: -1,
  isWaiting: false,
  state: { entries: 12, cacheBytes: 3456, pendingBytes: 78, reads: 5, hits: 95 },
  sources: [{ topic: 'payments', partition: 0, lagRecords: 7, committedOffset: 100 }],
  stores: [{ topic: 'fraud-seen-changelog', partition: 0, storedOffset: 40 }],
  ...given,
})

export const readings = (given: Partial<Readings> = {}): Readings => ({
  state: 'running',
  commits: 9,
  aborts: 1,
  generations: 4,
  blocks: new Map([['0_0', { times: 2, seconds: 1.5 }]]),
  restore: { records: 1200, bytes: 34_000, remaining: 300, total: 1500 },
  counts: new Map([
    [
      '0_0',
      counts({
        records: new Map([['payments', 100]]),
        dropped: new Map([['kpi-time late', 2]]),
        rejected: new Map([['ERR_DECODE', 3]]),
        counters: new Map([
          ['valid', 90],
          ['rejected', 4],
          ['rejected.ERR_TIME', 4],
          ['duplicates', 3],
        ]),
      }),
    ],
    ['0_1', counts({ records: new Map([['payments', 10]]), counters: new Map([['valid', 10]]) })],
  ]),
  tasks: [
    openTask(),
    openTask({ task: '1_0', slowestUpstream: 2, isWaiting: true, streamTimeMs: -1, sources: [], stores: [] }),
  ],
  threads: [],
  copies: [
    { task: '0_2', kind: 'standby', stores: [{ topic: 'fraud-seen-changelog', partition: 2, lagRecords: 14 }] },
    { task: '0_3', kind: 'warmup', stores: [{ topic: 'fraud-seen-changelog', partition: 3, lagRecords: 9000 }] },
  ],
  ...given,
})
