import { Buffer } from 'node:buffer'
import { expect, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { changelogTopic } from '../../topology/names.ts'
import { embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import type { Kafka } from '../ports.ts'
import { checksumBytes } from '../state/checksum.ts'
import { memoryStores } from '../state/memory.ts'
import { metaKey, readMeta } from '../state/meta.ts'
import type { Stores } from '../state-port.ts'
import { createLedgerTopics, faultsOf, ledgerTopics } from '../testing/ledger-testing.ts'
import { readTopic } from '../testing/read-rows.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'
import type { AppOptions } from './app.ts'

const world = systemWorld(silentLog)

async function open(settings: Partial<AppOptions>) {
  const broker = embeddedBroker({ world, defaults: { minSessionTimeoutMs: 500 } })
  const connect = async (): Promise<Kafka> => {
    const kafka = nativeKafka({ transport: broker.transport(), world, clientId: 'test' })
    await kafka.connect()
    return kafka
  }
  const kafka = await connect()
  const topics = ledgerTopics('')
  await createLedgerTopics(kafka, topics)
  const replicas = new Replicas({
    connect,
    registry: memoryRegistry(),
    world,
    topics,
    application: 'ledger',
    settings: { sessionTimeoutMs: 1200, flushAgeMs: 50, ...settings },
  })
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  onTestFinished(async () => {
    await load.end()
    await replicas.stopAll()
    await watch.close()
    await kafka.close()
    broker.close()
  })
  const finish = async (): Promise<string[]> => {
    await load.end()
    while (watch.total < load.sent) await world.scheduler.sleep(10)
    await replicas.stopAll()
    return faultsOf(kafka, topics, load.sent)
  }
  return { kafka, replicas, watch, finish }
}

const copies = (replicas: Replicas, kind: string): string[] =>
  replicas.names().flatMap(name =>
    replicas
      .get(name)
      .read()
      .copies.filter(copy => copy.kind === kind)
      .map(({ task }) => task),
  )

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await world.scheduler.sleep(10)
}

/** What a store on disk holds of its changelog, by key, and what the changelog says of that. */
async function compare(kafka: Kafka, stores: Stores, task: string): Promise<{ readonly entries: number }> {
  const { store } = await stores.open(task)
  const meta = readMeta(store.get(metaKey)!)!
  let entries = 0
  for (const { name, number, nextOffset } of meta.stores) {
    const folded = new Map<string, string>()
    const { rows } = await readTopic(kafka, changelogTopic('ledger', name))
    for (const { partition, offset, key, value } of rows) {
      if (`${task.split('_')[0]}_${partition}` !== task || offset >= nextOffset) continue
      if (value === null) folded.delete(key!.toString('hex'))
      else folded.set(key!.toString('hex'), value.toString('hex'))
    }
    const stored = new Map<string, string>()
    for await (const [key, value] of store.range(Buffer.from([number]), Buffer.from([number + 1])))
      stored.set(key.toString('hex', 1), value.toString('hex', checksumBytes))
    expect(stored).toEqual(folded)
    entries += stored.size
  }
  await store.close()
  return { entries }
}

test('every task has its standby elsewhere, which holds its changelog byte for byte', async () => {
  const { kafka, replicas, watch, finish } = await open({ standbyReplicas: 1 })
  const disks = new Map(['a', 'b', 'c'].map(name => [name, memoryStores()]))
  for (const [name, stores] of disks) await replicas.start(name, { stores })
  await replicas.settled()
  await until(() => copies(replicas, 'standby').length === 12)
  expect(new Set(copies(replicas, 'standby')).size).toBe(12)
  for (const name of replicas.names()) {
    const app = replicas.get(name)
    expect(app.read().copies.length).toBe(4)
    expect(app.read().copies.filter(({ task }) => app.worker!.tasks.has(task))).toEqual([])
  }
  await watch.flows()
  await watch.flows()
  expect(await finish()).toEqual([])
  let entries = 0
  for (const stores of disks.values())
    for (const task of await stores.tasks!()) entries += (await compare(kafka, stores, task)).entries
  // 40 keys and 5 groups, each in two places at least.
  expect(entries).toBeGreaterThanOrEqual(90)
}, 30_000)

test('who has the standby of a vanished replica takes over without restoring, and answers as one would', async () => {
  const { replicas, watch, finish } = await open({ standbyReplicas: 1, acceptableLagRecords: 500 })
  await Promise.all(['a', 'b', 'c'].map(name => replicas.start(name)))
  await replicas.settled()
  await until(() => copies(replicas, 'standby').length === 12)
  for (let moments = 0; moments < 20; moments++) await watch.flows()
  const restored = (): number =>
    replicas.names().reduce((sum, name) => sum + replicas.get(name).read().restore.records, 0)
  await replicas.vanish('b')
  const before = restored()
  const startMs = watch.now()
  await replicas.settled()
  await watch.flows()
  expect(Math.max(...watch.gaps(startMs, watch.now()))).toBeLessThan(1200 + 3000)
  // What was written between the last look of the standby and the end.
  expect(restored() - before).toBeLessThan(1000)
  expect(await finish()).toEqual([])
}, 30_000)

test('who comes without state is prepared first: the tasks go on where they are, and move when it has caught up', async () => {
  const { replicas, watch, finish } = await open({ acceptableLagRecords: 20, warmups: 1 })
  await replicas.start('a')
  for (let moments = 0; moments < 40; moments++) await watch.flows()
  const startMs = watch.now()
  const seen = new Set<string>()
  const joining = replicas.start('b')
  await until(() => {
    for (const task of copies(replicas, 'warmup')) seen.add(task)
    return replicas.names().length === 2 && replicas.counts()[1] === 6
  })
  await joining
  await replicas.settled()
  // One after the other.
  expect(seen.size).toBeGreaterThanOrEqual(6)
  expect(replicas.get('b').read().restore.records).toBeLessThan(1000)
  expect(Math.max(...watch.gaps(startMs, watch.now()))).toBeLessThan(3000)
  expect(await finish()).toEqual([])
}, 60_000)

test('what is left of tasks that went elsewhere is deleted after a while, and not before', async () => {
  const { replicas, watch, finish } = await open({ cleanupDelayMs: 1500 })
  const stores = memoryStores()
  await replicas.start('a', { stores })
  await watch.flows()
  await replicas.start('b')
  await replicas.settled()
  expect((await stores.tasks!()).length).toBe(12)
  while ((await stores.tasks!()).length > 6) await world.scheduler.sleep(20)
  expect(new Set(await stores.tasks!())).toEqual(new Set(replicas.get('a').worker!.tasks.keys()))
  expect(await finish()).toEqual([])
}, 30_000)
