import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { dropTopics } from '../testing/flagship-testing.ts'
import { createLedgerTopics, faultsOf, ledgerTopics, partitions } from '../testing/ledger-testing.ts'
import { readTopic } from '../testing/read-rows.ts'
import { addressesOf, connect, freshPrefix } from '../testing/real-kafka-testing.ts'
import { Load, Watch } from '../testing/replicas-testing.ts'
import { faults, type LedgerData, sessionTimeoutMs } from '../testing/threads/ledger-thread-testing.ts'
import { silentLog, systemWorld } from '../world.ts'
import { createThreads, type CreateThreadsOptions } from './create-threads.ts'
import type { Threads } from './threads.ts'

// One process of several threads on real Kafka, under load, with threads that crash in the middle of a transaction.
// What they write is what one thread would have written, record for record.

const brokers = addressesOf(inject('kafkaBrokers'))
const world = systemWorld(silentLog)

async function open() {
  const kafka = await connect(brokers, world)
  const prefix = freshPrefix('threads')
  const topics = ledgerTopics(prefix)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-threads-'))
  onTestFinished(async () => {
    rmSync(folder, { recursive: true, force: true })
    await dropTopics(kafka, prefix, `${prefix}app`)
  })
  await createLedgerTopics(kafka, topics)
  const fault = new Int32Array(new SharedArrayBuffer(4))
  const data: LedgerData = { brokers, prefix, fault }
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  onTestFinished(async () => {
    await load.end()
    await watch.close()
  })
  const start = async (options: Partial<CreateThreadsOptions> = {}): Promise<Threads> => {
    const module = new URL('../testing/threads/ledger-thread-testing.ts', import.meta.url)
    const threads = createThreads({ module, threads: 2, data, instance: 'a', folder, world, ...options })
    onTestFinished(() => threads.stop())
    await threads.start()
    return threads
  }
  return {
    start,
    watch,
    /** The next record that is read brings this upon its thread. Resolves when it has. */
    async inflict(kind: keyof typeof faults): Promise<void> {
      Atomics.store(fault, 0, faults[kind])
      while (Atomics.load(fault, 0) !== faults.none) await world.scheduler.sleep(5)
    },
    /** Waits for the rest of the load, and answers what is wrong with what was written. */
    async finish(threads: Threads): Promise<string[]> {
      await load.end()
      while (watch.total < load.sent) {
        if (threads.read().state === 'failed') await threads.done
        await world.scheduler.sleep(10)
      }
      await threads.stop()
      await threads.done
      const { abortedRecords } = await readTopic(kafka, topics.totals.name)
      // Or no crash was in the middle of anything.
      expect(abortedRecords).toBeGreaterThan(0)
      return faultsOf(kafka, topics, load.sent)
    },
  }
}

/** Waits until all tasks run, evenly spread over that many threads, of which so many were replaced. */
async function settled(threads: Threads, count: number, replaced = 0): Promise<void> {
  for (;;) {
    const { state, threads: each } = threads.read()
    if (state === 'failed') await threads.done
    const isEven = each.every(({ tasks }) => tasks === (2 * partitions) / count)
    if (state === 'running' && isEven && each.reduce((sum, { replacements }) => sum + replacements, 0) === replaced)
      return
    await world.scheduler.sleep(20)
  }
}

test('three threads share the tasks; those that crash are replaced, and the output is right record for record', async () => {
  const { start, watch, inflict, finish } = await open()
  const threads = await start({ threads: 3 })
  await settled(threads, 3)
  await watch.flows()
  for (const [index, kind] of (['throws', 'exits'] as const).entries()) {
    const fromMs = watch.now()
    await inflict(kind)
    await settled(threads, 3, index + 1)
    await watch.flows()
    const gaps = watch.gaps(fromMs, watch.now())
    console.log(`a thread that ${kind}: each partition stood still for ${gaps.map(Math.round).join(', ')} ms at most`)
    // Less than a session: nobody had to miss it.
    expect(Math.max(...gaps)).toBeLessThan(sessionTimeoutMs / 2)
  }
  expect(await finish(threads)).toEqual([])
}, 120_000)

test('by the policy stop a crash ends the process; one that is stuck is ended; the next goes on where they were', async () => {
  const { start, watch, inflict, finish } = await open()
  const first = await start({ onCrash: 'stop' })
  await settled(first, 2)
  await watch.flows()
  await inflict('throws')
  await expect(first.done).rejects.toMatchObject({
    code: 'THREAD_CRASHED',
    message: expect.stringMatching(/^Thread [01] of 2 crashed: a callback failed\. /),
  })
  const second = await start({ stopMostMs: 2500 })
  await watch.flows()
  await inflict('loops')
  const stoppedMs = watch.now()
  await second.stop()
  expect(watch.now() - stoppedMs).toBeLessThan(4000)
  await expect(second.done).rejects.toMatchObject({
    code: 'THREAD_STUCK',
    message: expect.stringMatching(/^Thread [01] of 2 did not stop within 2.5 s/),
  })
  expect(await finish(await start())).toEqual([])
}, 120_000)
