import { afterEach, expect, test } from 'vitest'
import { openTask } from '../processor/observe/testing.ts'
import type { Stores } from '../processor/state-port.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import type { Emission } from '../producer/emission.ts'
import { type Embedded, openEmbedded } from './embedded.ts'
import { HeldBackSink } from './held-back.ts'
import { readStartOptions } from './options.ts'
import { Trimmer } from './trim.ts'

const world = systemWorld(silentLog)
const open: Embedded[] = []

afterEach(async () => {
  for (const embedded of open.splice(0)) await embedded.close()
})

async function filled(topic: string, configs: Record<string, string> = {}): Promise<Embedded> {
  const embedded = await openEmbedded(world, 2)
  open.push(embedded)
  const admin = embedded.kafka.admin()
  if (!(await admin.topics([topic])).has(topic)) await admin.createTopics([{ name: topic, partitions: 1, configs }])
  const producer = embedded.kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
  await producer.init()
  const bytes = Buffer.from('x')
  for (let i = 0; i < 10; i++) {
    producer.buffer(topic, 0).append(1, bytes, 0, 1, bytes, 0, 1, null, 0, 0)
    await producer.flush()
  }
  await producer.close()
  return embedded
}

const firstOffset = async ({ kafka }: Embedded, topic: string): Promise<number> =>
  (await kafka.admin().offsets([{ topic, partition: 0 }], 'earliest', 'read_uncommitted'))[0]!.offset

test('input that is committed, output that is counted and changelogs that are stored are deleted, nothing else', async () => {
  const embedded = await filled('payments')
  const trimmer = new Trimmer(embedded.broker, embedded.kafka.admin())
  const source = (committedOffset: number) => [{ topic: 'payments', partition: 0, lagRecords: 0, committedOffset }]
  await trimmer.trim([openTask({ sources: source(4), stores: [] })], [])
  expect(await firstOffset(embedded, 'payments')).toBe(4)
  await trimmer.trim([], [{ topic: 'payments', partition: 0, offset: 7 }])
  expect(await firstOffset(embedded, 'payments')).toBe(7)
  // Back again, as after a rollback: what is gone is gone, and nothing is asked for.
  await trimmer.trim([openTask({ sources: source(5), stores: [] })], [])
  expect(await firstOffset(embedded, 'payments')).toBe(7)
})

test('a changelog is trimmed although it is compacted, and from then on its state may not be lost', async () => {
  const changelog = 'fraud-seen-payments-changelog'
  const embedded = await filled(changelog, { 'cleanup.policy': 'compact' })
  const trimmer = new Trimmer(embedded.broker, embedded.kafka.admin())
  const destroyed: string[] = []
  const stores: Stores = {
    open: () => Promise.reject(new Error('not here')),
    destroy(task) {
      destroyed.push(task)
      return Promise.resolve()
    },
  }
  const guarded = trimmer.guard(stores)
  await guarded.destroy('0_0')
  await trimmer.trim([openTask({ sources: [], stores: [{ topic: changelog, partition: 0, storedOffset: 6 }] })], [])
  expect(await firstOffset(embedded, changelog)).toBe(6)
  await expect(guarded.destroy('0_1')).rejects.toThrow('keeps no changelog')
  expect(destroyed).toEqual(['0_0'])
})

test('the producer waits while too much is waiting, and goes on when it is not', async () => {
  const sent: number[] = []
  let waiting = 0
  const stop = new AbortController()
  const sink = new HeldBackSink({
    sink: {
      send(batch) {
        waiting += batch.length
        return Promise.resolve(void sent.push(waiting))
      },
      finish: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    scheduler: {
      ...world.scheduler,
      sleep() {
        waiting -= 10
        return world.scheduler.yield()
      },
    },
    waiting: () => waiting,
    waitingMost: 100,
    signal: stop.signal,
  })
  const batch = Array.from({ length: 60 }, () => ({}) as Emission)
  for (let i = 0; i < 4; i++) await sink.send(batch)
  // Twice it fits; then it is waited for until 100 are left.
  expect(sent).toEqual([60, 120, 160, 160])
  stop.abort()
  await sink.send(batch)
  expect(sent.length).toBe(4)
})

test('what the command line asks for', () => {
  expect(readStartOptions([])).toMatchObject({
    isBounded: false,
    ratePerSecond: 2000,
    feed: { profile: 'millrace', count: null },
    json: false,
  })
  expect(readStartOptions(['--count', '5', '--seed', '7'])).toMatchObject({
    isBounded: true,
    ratePerSecond: null,
    feed: { count: 5, millrace: { seed: 7 } },
  })
  expect(readStartOptions(['--profile', 'drill', '--rate', '10'])).toMatchObject({ isBounded: true, ratePerSecond: 10 })
  expect(readStartOptions(['--replay', 'a.csv.gz', '--mapping', 'm.json'])).toMatchObject({
    isBounded: true,
    feed: { replay: { file: 'a.csv.gz', mappingFile: 'm.json', badRows: 'stop' } },
  })
  expect(readStartOptions(['--help'])).toBeNull()
  expect(() => readStartOptions(['--mapping', 'm.json'])).toThrow('need --replay FILE')
  expect(readStartOptions(['--threads', '1'])).not.toBeNull()
  expect(() => readStartOptions(['--threads', '2'])).toThrow('npm run processor -- --threads 2 is for real Kafka')
  expect(() => readStartOptions(['--replay', 'a', '--profile', 'drill'])).toThrow('do not go together')
})
