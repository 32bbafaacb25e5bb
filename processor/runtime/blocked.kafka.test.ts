import { Worker } from 'node:worker_threads'
import { expect, inject, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { BlockedReplicaOptions, BlockedReplicaReport } from '../testing/blocked-replica-testing.ts'
import { dropTopics } from '../testing/flagship-testing.ts'
import { createLedgerTopics, faultsOf, ledgerTopics, partitions } from '../testing/ledger-testing.ts'
import { addressesOf, connect, freshPrefix } from '../testing/real-kafka-testing.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

// F-G3 and F-P4 of the reliability plan: user code that does not come back for longer than the session. The loop that
// does the work sends the heartbeats, so they stop with it, and the group takes the tasks away.

const brokers = addressesOf(inject('kafkaBrokers'))
const world = systemWorld(silentLog)
const sessionMs = 6000
const blockMs = 11_000

interface Blocked {
  readonly reports: readonly BlockedReplicaReport[]
  said(kind: BlockedReplicaReport['kind'], message?: string): boolean
  stop(): void
}

function startBlocked(options: BlockedReplicaOptions): Blocked {
  const thread = new Worker(new URL('../testing/blocked-replica-testing.ts', import.meta.url), { workerData: options })
  onTestFinished(async () => void (await thread.terminate()))
  const reports: BlockedReplicaReport[] = []
  let failure: Error | null = null
  thread.on('message', (report: BlockedReplicaReport) => reports.push(report))
  thread.on('error', error => (failure = error as Error))
  return {
    reports,
    said(kind, message = '') {
      if (failure !== null) throw failure
      return reports.some(report => report.kind === kind && (report.kind !== 'log' || report.message.includes(message)))
    },
    stop: () => thread.postMessage('stop'),
  }
}

test('user code blocks for longer than the session: others take over, it is refused, and comes back', async () => {
  const kafka = await connect(brokers, world)
  const prefix = freshPrefix('blocked')
  const topics = ledgerTopics(prefix)
  const application = `${prefix}app`
  await createLedgerTopics(kafka, topics)
  onTestFinished(() => dropTopics(kafka, prefix, application))
  const settings = { sessionTimeoutMs: sessionMs }
  const parts = { connect: () => connect(brokers, world), registry: memoryRegistry(), world, topics, application }
  const replicas = new Replicas({ ...parts, settings })
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  onTestFinished(async () => {
    await load.end()
    await replicas.stopAll()
    await watch.close()
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await world.scheduler.sleep(20)
  }
  const other = await replicas.start('other')
  const tasks = (): number => other.worker!.tasks.size
  const block = new Int32Array(new SharedArrayBuffer(4))
  const blocked = startBlocked({ brokers, prefix, application, sessionTimeoutMs: sessionMs, block })
  await until(() => blocked.said('running') && tasks() === partitions)
  await watch.flows()

  const startMs = watch.now()
  Atomics.store(block, 0, blockMs)
  await until(() => Atomics.load(block, 0) === 0)
  await until(() => tasks() === 2 * partitions)
  await watch.flows()
  // While the first one still knows nothing of it.
  const takenOverMs = watch.now() - startMs
  expect(blocked.said('log', 'user code held the event loop')).toBe(false)
  expect(takenOverMs).toBeGreaterThan(sessionMs / 2)
  expect(takenOverMs).toBeLessThan(sessionMs + 3000)
  await until(() => blocked.said('log', 'user code held the event loop'))
  await until(() => tasks() === partitions)
  await watch.flows()

  await load.end()
  await until(() => watch.total >= load.sent)
  blocked.stop()
  await until(() => blocked.said('stopped'))
  await replicas.stopAll()
  console.log(`taken over after ${Math.round(takenOverMs)} ms; ${load.sent} payments`)
  // Once for the first assignment, and once more after it was put out: nothing is opened over and over again.
  const openings = blocked.reports.filter(report => report.kind === 'log' && report.message === 'running')
  expect(openings.length).toBeLessThanOrEqual(4)
  expect(await faultsOf(kafka, topics, load.sent)).toEqual([])
}, 120_000)
