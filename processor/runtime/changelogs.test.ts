import { expect, test } from 'vitest'
import { silentLog, systemWorld } from '../world.ts'
import type { FetchedPartition, Kafka, PartitionOffset, TopicPartition } from '../ports.ts'
import { MemoryStore } from '../state/memory.ts'
import { TaskState } from '../state/task-state.ts'
import { columnsOf, type LogRecord } from '../state/testing.ts'
import { Changelogs, keyOf } from './changelogs.ts'
import { Copy, OffsetsGone } from './copy.ts'
import { type OpenOptions, restoreCopies } from './open.ts'

// When a restore is done: by answers of a broker that are written down here.

const world = systemWorld(silentLog)

type Answer = Partial<FetchedPartition> & { readonly topic: string; readonly rows?: readonly LogRecord[] }

interface Broker {
  readonly ends: Readonly<Record<string, number>>
  readonly stable?: number
  /** One list for each poll; the last one is given again and again. */
  readonly polls: readonly (readonly Answer[])[]
}

function kafkaOf(broker: Broker): { kafka: Kafka; assigned: PartitionOffset[]; polled: () => number } {
  const assigned: PartitionOffset[] = []
  const open = new Set<string>()
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
  const each =
    (act: (topic: string) => void) =>
    (partitions: readonly TopicPartition[]): void => {
      for (const { topic } of partitions) act(topic)
    }
  const fetcher = {
    assign(partitions: readonly PartitionOffset[]) {
      assigned.push(...partitions)
      for (const { topic } of partitions) open.add(topic)
    },
    unassign: each(topic => open.delete(topic)),
    pause: each(topic => open.delete(topic)),
    resume: each(topic => open.add(topic)),
    close: () => Promise.resolve(),
    async poll() {
      await world.scheduler.yield()
      const next = broker.polls[Math.min(polled++, broker.polls.length - 1)]!
      return next.filter(({ topic }) => open.has(topic)).map(answer)
    },
  }
  return { kafka: { fetcher: () => fetcher } as unknown as Kafka, assigned, polled: () => polled }
}

/** A copy with a store for each name. */
function copyOf(names: readonly string[], from = 0): Copy {
  const definitions = names.map(name => ({ name, hasKinds: false, changelogId: name }))
  const state = TaskState.open(
    new MemoryStore(),
    true,
    { clusterId: 'c', application: 'a', task: '0_0' },
    definitions,
  ) as TaskState
  const parts = names.map(name => ({
    topic: name,
    partition: 0,
    store: name,
    position: from,
    end: null,
    stableEnd: -1,
    emptyFetches: 0,
    freshMs: world.clock.now(),
  }))
  return new Copy({ part: 0, partition: 0 }, state, parts)
}

const row = (key: string): LogRecord => ({ key: Buffer.from(key), value: Buffer.from('v'), timestamp: 0 })

/** Restores the copies, and answers what read them. */
async function run(broker: Broker, copies: readonly Copy[]) {
  const { kafka, assigned, polled } = kafkaOf(broker)
  const changelogs = new Changelogs({ kafka, world, flushAgeMs: 10_000 })
  for (const copy of copies) changelogs.add(copy)
  const ends = new Map(Object.entries(broker.ends).map(([topic, end]) => [keyOf({ topic, partition: 0 }), end]))
  try {
    await Promise.all(copies.map(copy => changelogs.restore(copy, ends)))
    const progress = { ...changelogs.progress }
    for (const copy of copies) changelogs.remove(copy)
    expect(changelogs.progress.remaining).toBe(0)
    return { assigned, polled: polled(), progress }
  } finally {
    await changelogs.close()
  }
}

test('the position decides: aborted records and markers at the end are the end too', async () => {
  const copy = copyOf(['a'])
  const { progress } = await run(
    {
      ends: { a: 10 },
      polls: [[{ topic: 'a', rows: [row('x')], nextOffset: 3 }], [{ topic: 'a', nextOffset: 10, bytes: 70 }]],
    },
    [copy],
  )
  expect(copy.state.storedOffset('a')).toBe(10)
  expect(progress).toMatchObject({ records: 1, bytes: 80, remaining: 0, total: 10 })
})

test('a marker at the very end that was compacted away: empty answers, with all stable, are the end', async () => {
  const broker: Broker = {
    ends: { a: 10 },
    polls: [[{ topic: 'a', rows: [row('x')], nextOffset: 9 }], [{ topic: 'a', nextOffset: 9 }]],
  }
  const copy = copyOf(['a'])
  expect((await run(broker, [copy])).polled).toBe(4)
  expect(copy.state.storedOffset('a')).toBe(9)
})

test('what is not stable is waited for', async () => {
  const broker: Broker = {
    ends: { a: 10 },
    stable: 9,
    polls: [[{ topic: 'a', nextOffset: 9, bytes: 10 }], [{ topic: 'a', nextOffset: 9 }]],
  }
  const { kafka, polled } = kafkaOf(broker)
  const changelogs = new Changelogs({ kafka, world, flushAgeMs: 10_000 })
  const copy = copyOf(['a'])
  changelogs.add(copy)
  let isDone = false
  void changelogs.restore(copy, new Map([['a-0', 10]])).then(() => (isDone = true))
  while (polled() < 20) await world.scheduler.yield()
  expect(isDone).toBe(false)
  expect(changelogs.progress.remaining).toBe(1)
  changelogs.remove(copy)
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
    const copies = [copyOf(['a']), copyOf(['b'])]
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
      copies,
    )
    expect(copies[1]!.state.storedOffset('b')).toBe(2)
    expect(copies[0]!.state.storedOffset('a')).toBe(6)
  }
})

test('a copy whose offsets are not there any more says which; what else goes wrong is told too', async () => {
  const gone = run({ ends: { a: 9 }, polls: [[{ topic: 'a', error: 'OFFSET_OUT_OF_RANGE' }]] }, [copyOf(['a'], 3)])
  await expect(gone).rejects.toBeInstanceOf(OffsetsGone)
  await expect(gone).rejects.toMatchObject({ task: '0_0' })
  const unknown = run({ ends: { a: 9 }, polls: [[{ topic: 'a', error: 'UNKNOWN_TOPIC_ID' }]] }, [copyOf(['a'], 3)])
  await expect(unknown).rejects.toThrow(/changelog of 'a' cannot be read: UNKNOWN_TOPIC_ID/)
})

test('one that was not caught up for half a day may have missed deletions; what it holds is as old as it says', async () => {
  const hourMs = 3_600_000
  const late = copyOf(['a'], 3)
  late.parts[0]!.freshMs = world.clock.now() - 13 * hourMs
  const broker = { ends: { a: 9 }, polls: [[{ topic: 'a', rows: [row('x')], nextOffset: 9 }]] }
  await expect(run(broker, [late])).rejects.toThrow(/may not hold the deletions/)
  const copy = copyOf(['a'], 3)
  const freshMs = (copy.parts[0]!.freshMs = world.clock.now() - 11 * hourMs)
  const halfway = run(
    {
      ends: { a: 9 },
      polls: [
        [{ topic: 'a', rows: [row('x')], nextOffset: 5, lastStableOffset: 9 }],
        [{ topic: 'a', error: 'UNKNOWN_TOPIC_ID' }],
      ],
    },
    [copy],
  )
  await expect(halfway).rejects.toThrow()
  expect(copy.freshMs(world.clock.now())).toBe(freshMs)
  const whole = copyOf(['a'], 3)
  whole.parts[0]!.freshMs = freshMs
  await run(broker, [whole])
  expect(whole.freshMs(world.clock.now())).toBeGreaterThan(freshMs)
})

test('a copy that is closed while its end is asked for is read no more: its store may be open elsewhere', async () => {
  const { kafka, assigned } = kafkaOf({ ends: { a: 9, b: 9 }, polls: [[{ topic: 'b', nextOffset: 9, bytes: 10 }]] })
  const changelogs = new Changelogs({ kafka, world, flushAgeMs: 10_000 })
  const [closed, open] = [copyOf(['a'], 3), copyOf(['b'], 3)]
  const offsets = (parts: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> => {
    changelogs.remove(closed)
    return Promise.resolve(parts.map(part => ({ ...part, offset: 9 })))
  }
  const restored: Copy[] = []
  const options = { changelogs, kafka: { ...kafka, admin: () => ({ offsets }) } } as unknown as OpenOptions
  await restoreCopies([closed, open], options, copy => restored.push(copy))
  expect(restored).toEqual([open])
  expect(assigned.map(({ topic }) => topic)).toEqual(['b'])
  expect(() => changelogs.add(closed)).toThrow(/a copy that is read is open/)
  await changelogs.close()
})

test('one that is caught up is done without an answer, one that is followed waits until the others are', async () => {
  const broker: Broker = {
    ends: { a: 9, b: 9 },
    polls: [
      [
        { topic: 'a', rows: [row('x')], nextOffset: 9 },
        { topic: 'b', rows: [row('y')], nextOffset: 5 },
      ],
    ],
  }
  const { kafka, polled } = kafkaOf(broker)
  const changelogs = new Changelogs({ kafka, world, flushAgeMs: 0 })
  const [restored, followed] = [copyOf(['a']), copyOf(['b'])]
  changelogs.add(followed)
  changelogs.add(restored)
  await changelogs.restore(restored, new Map([['a-0', 9]]))
  expect([restored.state.storedOffset('a'), followed.heldOffset]).toEqual([9, 0])
  changelogs.remove(restored)
  while (followed.state.storedOffset('b') < 5) await world.scheduler.yield()
  expect(followed.lagRecords).toBe(4)
  // It is to run, and lacks nothing.
  const before = polled()
  await changelogs.restore(followed, new Map([['b-0', 5]]))
  expect(polled()).toBe(before)
  changelogs.remove(followed)
})
