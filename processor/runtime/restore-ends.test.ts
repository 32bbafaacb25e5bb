import { expect, test } from 'vitest'
import { silentLog, systemWorld } from '../world.ts'
import type { FetchedPartition, Kafka, PartitionOffset } from '../ports.ts'
import { MemoryStore } from '../state/memory.ts'
import { TaskState } from '../state/task-state.ts'
import { columnsOf, type LogRecord } from '../state/testing.ts'
import { OffsetsGone, restore, type RestoreProgress, type Restoring } from './restore.ts'

// When a restore is done: by answers of a broker that are written down here.

const world = systemWorld(silentLog)

type Answer = Partial<FetchedPartition> & { readonly topic: string; readonly rows?: readonly LogRecord[] }

interface Broker {
  readonly ends: Readonly<Record<string, number>>
  readonly starts?: Readonly<Record<string, number>>
  readonly stable?: number
  /** One list for each poll; the last one is given again and again. */
  readonly polls: readonly (readonly Answer[])[]
}

function kafkaOf(broker: Broker): { kafka: Kafka; assigned: PartitionOffset[]; polled: () => number } {
  const assigned: PartitionOffset[] = []
  let polled = 0
  const answer = ({ rows = [], ...rest }: Answer): FetchedPartition => ({
    partition: 0,
    records: columnsOf(rows),
    nextOffset: 0,
    highWatermark: broker.ends[rest.topic]!,
    lastStableOffset: broker.stable ?? broker.ends[rest.topic]!,
    logStartOffset: 0,
    abortedRecords: 0,
    bytes: rows.length * 10,
    error: null,
    ...rest,
  })
  const fetcher = {
    assign: (partitions: readonly PartitionOffset[]) => assigned.push(...partitions),
    unassign: () => undefined,
    close: () => Promise.resolve(),
    poll() {
      if (polled > 50) throw new Error('it polls for ever')
      return Promise.resolve(broker.polls[Math.min(polled++, broker.polls.length - 1)]!.map(answer))
    },
  }
  const offsets = (partitions: readonly { topic: string }[], at: string): Promise<unknown> =>
    Promise.resolve(
      partitions.map(({ topic }) => ({
        topic,
        partition: 0,
        offset: (at === 'latest' ? broker.ends : (broker.starts ?? {}))[topic] ?? 0,
      })),
    )
  return {
    kafka: { admin: () => ({ offsets }), fetcher: () => fetcher } as unknown as Kafka,
    assigned,
    polled: () => polled,
  }
}

const progressOf = (): RestoreProgress => ({ records: 0, bytes: 0, remaining: 0, total: 0, startedMs: 0 })

function restoring(names: readonly string[], from = 0): Restoring[] {
  const definitions = names.map(name => ({ name, hasKinds: false, changelogId: name }))
  const state = TaskState.open(
    new MemoryStore(),
    true,
    { clusterId: 'c', application: 'a', task: '0_0' },
    definitions,
  ) as TaskState
  return names.map(name => ({ topic: name, partition: 0, store: name, state, from }))
}

const row = (key: string): LogRecord => ({ key: Buffer.from(key), value: Buffer.from('v'), timestamp: 0 })
const run = (broker: Broker, targets: Restoring[], progress = progressOf()): Promise<void> =>
  restore(targets, kafkaOf(broker).kafka, world, progress, new AbortController().signal)

test('the position decides: aborted records and markers at the end are the end too', async () => {
  const progress = progressOf()
  const targets = restoring(['a'])
  await run(
    {
      ends: { a: 10 },
      polls: [[{ topic: 'a', rows: [row('x')], nextOffset: 3 }], [{ topic: 'a', nextOffset: 10, bytes: 70 }]],
    },
    targets,
    progress,
  )
  expect(targets[0]!.state.nextOffset('a')).toBe(10)
  expect(progress).toMatchObject({ records: 1, bytes: 80, remaining: 0, total: 10 })
})

test('a marker at the very end that was compacted away: empty answers, with all stable, are the end', async () => {
  const broker: Broker = {
    ends: { a: 10 },
    polls: [[{ topic: 'a', rows: [row('x')], nextOffset: 9 }], [{ topic: 'a', nextOffset: 9 }]],
  }
  const { kafka, polled } = kafkaOf(broker)
  await restore(restoring(['a']), kafka, world, progressOf(), new AbortController().signal)
  expect(polled()).toBe(4)
})

test('what is not stable is waited for', async () => {
  const broker: Broker = {
    ends: { a: 10 },
    stable: 9,
    polls: [[{ topic: 'a', nextOffset: 9, bytes: 10 }], [{ topic: 'a', nextOffset: 9 }]],
  }
  await expect(run(broker, restoring(['a']))).rejects.toThrow('polls for ever')
})

test('an empty answer beside a full one is no end: others took the room', async () => {
  for (const aFirst of [true, false]) {
    const both = (next: number): Answer[] => {
      const answers: Answer[] = [
        { topic: 'a', rows: [row(`a${next}`)], nextOffset: next },
        { topic: 'b', nextOffset: 0 },
      ]
      return aFirst ? answers : answers.toReversed()
    }
    const targets = restoring(['a', 'b'])
    await run(
      {
        ends: { a: 6, b: 2 },
        polls: [
          both(1),
          both(2),
          both(3),
          both(4),
          both(5),
          both(6),
          [{ topic: 'b', rows: [row('y')], nextOffset: 2 }],
        ],
      },
      targets,
    )
    expect(targets[1]!.state.nextOffset('b')).toBe(2)
    expect(targets[1]!.state.nextOffset('a')).toBe(6)
  }
})

test('a store that knows more than the changelog holds, or less than it still has, is told of', async () => {
  await expect(run({ ends: { a: 5 }, polls: [[]] }, restoring(['a'], 6))).rejects.toBeInstanceOf(OffsetsGone)
  await expect(run({ ends: { a: 9 }, starts: { a: 4 }, polls: [[]] }, restoring(['a'], 3))).rejects.toBeInstanceOf(
    OffsetsGone,
  )
  await expect(
    run({ ends: { a: 9 }, polls: [[{ topic: 'a', error: 'OFFSET_OUT_OF_RANGE' }]] }, restoring(['a'], 3)),
  ).rejects.toBeInstanceOf(OffsetsGone)
  await expect(
    run({ ends: { a: 9 }, polls: [[{ topic: 'a', error: 'UNKNOWN_TOPIC_ID' }]] }, restoring(['a'], 3)),
  ).rejects.toThrow(/Restoring 'a' failed: UNKNOWN_TOPIC_ID/)
})

test('an empty store begins where the changelog begins, one that is caught up fetches nothing', async () => {
  const { kafka, assigned, polled } = kafkaOf({
    ends: { a: 9 },
    starts: { a: 4 },
    polls: [[{ topic: 'a', nextOffset: 9, bytes: 1 }]],
  })
  await restore(restoring(['a']), kafka, world, progressOf(), new AbortController().signal)
  expect(assigned).toEqual([{ topic: 'a', partition: 0, offset: 4 }])
  await restore(restoring(['a'], 9), kafka, world, progressOf(), new AbortController().signal)
  expect(polled()).toBe(1)
})
