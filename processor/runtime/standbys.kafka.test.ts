import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Kafka } from '../ports.ts'
import { levelStores } from '../state/level.ts'
import { dropTopics } from '../testing/flagship-testing.ts'
import { createLedgerTopics, faultsOf, ledgerTopics } from '../testing/ledger-testing.ts'
import { addressesOf, connect, freshPrefix } from '../testing/real-kafka-testing.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

// Standbys and warm-ups on real Kafka and LevelDB: how long each partition stands still when one of three replicas
// vanishes, and when an empty one takes its place. The output is compared record for record.

const brokers = addressesOf(inject('kafkaBrokers'))
const world = systemWorld(silentLog)
const sessionMs = 6000

test('one of three vanishes: its standbys take over 3 s after its session; who comes empty is prepared first', async () => {
  const kafka = await connect(brokers, world)
  const prefix = freshPrefix('standbys')
  const topics = ledgerTopics(prefix)
  await createLedgerTopics(kafka, topics)
  onTestFinished(() => dropTopics(kafka, prefix, `${prefix}app`))
  const folder = mkdtempSync(join(tmpdir(), 'millrace-standbys-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const replicas = new Replicas({
    connect: (): Promise<Kafka> => connect(brokers, world),
    registry: memoryRegistry(),
    world,
    topics,
    application: `${prefix}app`,
    settings: { sessionTimeoutMs: sessionMs, standbyReplicas: 1, acceptableLagRecords: 200 },
  })
  const start = async (name: string): Promise<void> => {
    const stores = await levelStores(folder, name)
    await replicas.start(name, { stores })
  }
  const [load, watch] = [new Load(kafka, topics, world), new Watch(kafka, topics, world)]
  onTestFinished(async () => {
    await load.end()
    await replicas.stopAll()
    await watch.close()
  })
  const copies = (): number => replicas.names().reduce((sum, name) => sum + replicas.get(name).read().copies.length, 0)
  const restored = (): number =>
    replicas.names().reduce((sum, name) => sum + replicas.get(name).read().restore.records, 0)
  const measure = async (what: string, act: () => Promise<void>): Promise<number> => {
    await watch.flows()
    const startMs = watch.now()
    await act()
    await replicas.settled()
    await watch.flows()
    const gap = Math.max(...watch.gaps(startMs, watch.now()))
    console.log(`${what}: no partition stood still for more than ${Math.round(gap)} ms`)
    return gap
  }
  await Promise.all(['a', 'b', 'c'].map(start))
  await replicas.settled()
  while (copies() < 12) await world.scheduler.sleep(10)
  let before = 0
  const vanished = await measure('one of three with standbys vanishes', async () => {
    await replicas.vanish('b')
    before = restored()
  })
  expect(vanished).toBeGreaterThan(sessionMs / 2)
  expect(vanished).toBeLessThan(sessionMs + 3000)
  expect(restored() - before).toBeLessThan(2000)
  expect(await measure('an empty one comes', () => start('d'))).toBeLessThan(3000)
  await load.end()
  while (watch.total < load.sent) await world.scheduler.sleep(10)
  await replicas.stopAll()
  expect(await faultsOf(kafka, topics, load.sent)).toEqual([])
}, 120_000)
