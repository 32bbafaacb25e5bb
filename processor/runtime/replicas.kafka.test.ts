import { expect, inject, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Kafka } from '../ports.ts'
import { dropTopics } from '../testing/flagship-testing.ts'
import { addressesOf, connect, freshPrefix } from '../testing/real-kafka-testing.ts'
import { createLedgerTopics, faultsOf, ledgerTopics } from '../testing/ledger-testing.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'
import type { AppOptions } from './app.ts'

// Replicas on real Kafka come and go under load. What they write is what one would have written, record for record, and
// how long each partition stands still is measured.

const brokers = addressesOf(inject('kafkaBrokers'))
const world = systemWorld(silentLog)
const sessionMs = 6000

interface Bench {
  readonly replicas: Replicas
  readonly watch: Watch
  /** Does something, and answers how long results of each partition failed to come meanwhile; prints it. */
  measure(what: string, act: () => Promise<void>): Promise<number>
  finish(): Promise<string[]>
}

async function open(settings: Partial<AppOptions> = {}): Promise<Bench> {
  const kafka = await connect(brokers, world)
  const prefix = freshPrefix('replicas')
  const topics = ledgerTopics(prefix)
  await createLedgerTopics(kafka, topics)
  const application = `${prefix}app`
  onTestFinished(() => dropTopics(kafka, prefix, application))
  const replicas = new Replicas({
    connect: (): Promise<Kafka> => connect(brokers, world),
    registry: memoryRegistry(),
    world,
    topics,
    application,
    settings: { sessionTimeoutMs: sessionMs, ...settings },
  })
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  onTestFinished(async () => {
    await load.end()
    await replicas.stopAll()
    await watch.close()
  })
  return {
    replicas,
    watch,
    async measure(what, act) {
      await watch.flows()
      const startMs = watch.now()
      await act()
      await replicas.settled()
      await watch.flows()
      const gaps = watch.gaps(startMs, watch.now())
      console.log(`${what}: each partition stood still for ${gaps.map(Math.round).join(', ')} ms at most`)
      return Math.max(...gaps)
    },
    async finish() {
      await load.end()
      while (watch.total < load.sent) await world.scheduler.sleep(10)
      await replicas.stopAll()
      console.log(`${load.sent} payments`)
      return faultsOf(kafka, topics, load.sent)
    },
  }
}

test('one, three, two, one: no partition stands still for 3 s, and the output is right record for record', async () => {
  const { replicas, measure, finish } = await open()
  await replicas.start('a')
  const gaps = [
    await measure('1 -> 3', async () => {
      await Promise.all([replicas.start('b'), replicas.start('c')])
    }),
    await measure('3 -> 2, the leader leaves', () => replicas.stop('a')),
    await measure('2 -> 1', () => replicas.stop('c')),
  ]
  expect(Math.max(...gaps)).toBeLessThan(3000)
  expect(await finish()).toEqual([])
}, 120_000)

test('a rolling restart of three: no partition stands still for 3 s', async () => {
  const { replicas, measure, finish } = await open()
  await Promise.all(['a', 'b', 'c'].map(name => replicas.start(name)))
  await replicas.settled()
  const gaps: number[] = []
  for (const name of ['a', 'b', 'c']) {
    gaps.push(
      await measure(`restart of ${name}`, async () => {
        await replicas.stop(name)
        await replicas.start(name)
      }),
    )
  }
  expect(Math.max(...gaps)).toBeLessThan(3000)
  expect(await finish()).toEqual([])
}, 120_000)

test('one of three vanishes in the middle of a transaction: others have taken over 3 s after its session', async () => {
  const { replicas, measure, finish } = await open({ commitIntervalMs: 400, sendBytes: 0 })
  await Promise.all(['a', 'b', 'c'].map(name => replicas.start(name)))
  await replicas.settled()
  const gap = await measure('one vanishes', () => replicas.vanish('b'))
  expect(gap).toBeGreaterThan(sessionMs / 2)
  expect(gap).toBeLessThan(sessionMs + 3000)
  expect(await finish()).toEqual([])
}, 120_000)
