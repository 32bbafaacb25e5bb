import type { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import type { Emission } from '../../topology/fraud/oracle/emission.ts'
import { expected } from '../../topology/fraud/oracle/oracle.ts'
import { PortCarrier } from '../../producer/port-carrier.ts'
import { type Carrier, EmissionSink, type OutgoingRecord } from '../../producer/sink.ts'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Registry } from '../../schemas/registry.ts'
import { manualWorld } from '../embedded/manual-world.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Kafka, Producer } from '../ports.ts'
import { onEmbedded } from '../testing/embedded-testing.ts'
import { bind, createTopics, type FlagshipTopics, PlacedFeed } from '../testing/flagship-testing.ts'
import { openFlagship } from '../testing/real-kafka-testing.ts'
import { judge, readWritten, type Written } from '../testing/written-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

// The order of a partition is what results depend on: not when its records come in comparison with those of another
// partition, and not on batches that a producer has written twice.

const world = systemWorld(silentLog)
const partitions = 4
const count = 2000
const batchRecords = 15

interface Sent {
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly emission: Emission
}

type Draw = () => number

function drawing(seed: number): Draw {
  const { random } = manualWorld({ seed })
  for (let turn = 0; turn < 8; turn++) random.next()
  return () => random.next()
}

/** The records of each partition, in order. */
async function records(seed: number, { payments }: FlagshipTopics, registry: Registry): Promise<Sent[][]> {
  const feed = await PlacedFeed.millrace({ seed, customers: 300 }, count, payments.name, partitions)
  const lists: Sent[][] = Array.from({ length: partitions }, () => [])
  let sent = 0
  const carrier: Carrier = {
    append({ timestamp, key, value }: OutgoingRecord) {
      const emission = feed.placed[sent++]!
      const copies = { key: key?.copy() ?? null, value: value?.copy() ?? null }
      lists[emission.partition]!.push({ timestamp, ...copies, emission })
    },
    appendEndMarks() {},
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const sink = new EmissionSink({ carrier, payment: await bind(payments, registry) })
  for (let batch = await feed.pull(500); batch.length > 0; batch = await feed.pull(500)) await sink.send(batch)
  return lists
}

/** Some batches come twice, one right after the other: as a broker that has forgotten a producer writes them. */
function doubled(list: readonly Sent[], draw: Draw): Sent[] {
  const all: Sent[] = []
  for (let start = 0; start < list.length; start += batchRecords) {
    const batch = list.slice(start, start + batchRecords)
    all.push(...batch)
    if (draw() < 0.1) all.push(...batch)
  }
  return all
}

/** Sends pieces of partitions in an order of their own, while the application runs. */
async function scatter(lists: readonly Sent[][], producer: Producer, topic: string, draw: Draw): Promise<void> {
  const positions = lists.map(() => 0)
  const open = new Set(lists.keys())
  while (open.size > 0) {
    // Some partitions are far ahead of others for most of the time.
    const partition = [...open][Math.floor(draw() ** 2 * open.size)]!
    const list = lists[partition]!
    const end = Math.min(list.length, positions[partition]! + 1 + Math.floor(draw() * 200))
    const buffer = producer.buffer(topic, partition)
    for (const { timestamp, key, value } of list.slice(positions[partition], end)) {
      buffer.append(timestamp, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, null, 0, 0)
    }
    positions[partition] = end
    if (end === list.length) open.delete(partition)
    await producer.flush()
    for (let turns = Math.floor(draw() * 50); turns > 0; turns--) await world.scheduler.yield()
  }
  const carrier = new PortCarrier({ producer, partitionOf, payments: { name: topic, partitions } })
  carrier.appendEndMarks(Math.max(...lists.flat().map(({ timestamp }) => timestamp)))
  await carrier.flush()
}

interface Played {
  readonly written: Written
  /** What is in the log, grouped by partition. */
  readonly log: readonly Emission[]
}

async function play(kafka: Kafka, seed: number, order: number, twice: boolean): Promise<Played> {
  const registry = memoryRegistry()
  const topics = await createTopics(kafka, 'interleaved-', partitions)
  const draw = drawing(order)
  const plain = await records(seed, topics, registry)
  const lists = twice ? plain.map(list => doubled(list, draw)) : plain
  const app = await openFlagship({ kafka, registry, world }, 'interleaved-', { commitIntervalMs: 5 })
  await app.start()
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
  await producer.init()
  await scatter(lists, producer, topics.payments.name, draw)
  await app.ended
  await app.stop()
  await app.done
  const log = lists.flatMap(list => list.map(({ emission }, offset) => ({ ...emission, offset })))
  return { written: await readWritten(kafka, registry, topics), log }
}

/** Values of one topic, by what does not depend on where they stand in a topic of several partitions. */
const sorted = (list: readonly { readonly value: unknown }[]): string[] =>
  list.map(({ value }) => JSON.stringify(value)).toSorted()

const outputs = ['alerts', 'analytics', 'rejected', 'late'] as const

test.each([1, 2])('seed %i: partitions that come in another order give the same results', async seed => {
  const first = await onEmbedded(world, kafka => play(kafka, seed, 11 * seed, false))
  const { lines, want } = judge(first.written, first.log)
  expect(lines).toEqual([])
  expect(want.late.length).toBeGreaterThan(1)
  const second = await onEmbedded(world, kafka => play(kafka, seed, 13 * seed, false))
  for (const output of outputs) expect(sorted(second.written[output])).toEqual(sorted(first.written[output]))
})

test.each([1, 2])('seed %i: batches that stand in the log twice are judged as the oracle judges them', async seed => {
  const { written, log } = await onEmbedded(world, kafka => play(kafka, seed, 17 * seed, true))
  expect(written.input.length).toBe(log.length + partitions)
  expect(log.length).toBeGreaterThan(count + 5 * batchRecords)
  const { lines, want } = judge(written, log)
  expect(lines).toEqual([])
  // Nothing but duplicates and conflicts are more than they were: no time was moved.
  const once = expected(
    log.filter(
      ({ partition, offset }) => !want.duplicates.some(at => at.partition === partition && at.offset === offset),
    ),
  )
  expect({ late: want.late, analytics: want.analytics }).toEqual({ late: once.late, analytics: once.analytics })
})

test.each([1, 2])('seed %i: the oracle does not care for the order of partitions', async seed => {
  const feed = await PlacedFeed.millrace({ seed, customers: 300 }, count, 'payments', partitions)
  while ((await feed.pull(500)).length > 0);
  const byPartition = feed.placed.toSorted((a, b) => b.partition - a.partition || a.offset - b.offset)
  expect(expected(byPartition)).toEqual(expected(feed.placed))
})
