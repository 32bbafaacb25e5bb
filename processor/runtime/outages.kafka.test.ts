import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { startBroker } from '../../infra/broker.ts'
import type { Feed } from '../../producer/emission.ts'
import { avro } from '../../schemas/avro.ts'
import type { Payment } from '../../schemas/payments/types.ts'
import { paymentSchema } from '../../schemas/payments/schemas.ts'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { restRegistry } from '../../schemas/registry-rest.ts'
import { topic } from '../../schemas/topic.ts'
import type { Log } from '../ports.ts'
import type { App } from './app.ts'
import { createTopics, PlacedFeed, send } from '../testing/flagship-testing.ts'
import {
  addressesOf,
  connect,
  dropAfterwards,
  freshPrefix,
  openFlagship,
  until,
} from '../testing/real-kafka-testing.ts'
import { judge, readWritten } from '../testing/written-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

const world = systemWorld(silentLog)

/** Stands in front of the registry, and can be out of order: connections are cut without an answer. */
async function openProxy(target: string): Promise<{ readonly url: string; isDown: boolean; refused: number }> {
  const { origin, pathname } = new URL(target)
  const state = { url: '', isDown: false, refused: 0 }
  const server: Server = createServer((incoming, answer) => {
    if (state.isDown) {
      state.refused++
      incoming.socket.destroy()
      return
    }
    const { method, headers } = incoming
    const onward = request(`${origin}${incoming.url}`, { method: method!, headers }, found => {
      answer.writeHead(found.statusCode!, found.headers)
      found.pipe(answer)
    })
    onward.on('error', () => incoming.socket.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`
  return state
}

const committed = (app: App, name: string): number =>
  app
    .read()
    .tasks.flatMap(task => task.sources)
    .filter(source => source.topic === name)
    .reduce((sum, { committedOffset }) => sum + committedOffset, 0)

const evolved = {
  ...(paymentSchema as { readonly fields: readonly object[] }),
  fields: [
    ...(paymentSchema as { readonly fields: readonly object[] }).fields,
    { name: 'note', type: ['null', 'string'], default: null },
  ],
}

test('a schema that cannot be had because the registry is down is waited for', async () => {
  const proxy = await openProxy(inject('schemaRegistryUrl'))
  const direct = restRegistry({ url: inject('schemaRegistryUrl') })
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (_, message) => void warnings.push(message) }
  const kafka = await connect(addressesOf(inject('kafkaBrokers')), world)
  const prefix = freshPrefix('registry')
  dropAfterwards(kafka, prefix)
  const topics = await createTopics(kafka, prefix, 2)
  const app = await openFlagship(
    { kafka, registry: restRegistry({ url: proxy.url }), world: { ...world, log } },
    prefix,
  )
  await app.start()
  // A copy that is written with another schema has other bytes: no copies here.
  const feed = await PlacedFeed.millrace(
    { seed: 3, customers: 200, shares: { duplicate: 0 } },
    1000,
    topics.payments.name,
    2,
  )
  const to = { kafka, registry: direct, world }
  await send(firstOf(feed, 500), to, topics, { ratePerSecond: null, endMarks: false })
  await until(world, () => committed(app, topics.payments.name) === 500, app.done)

  // The second half is written with a schema that this process has never met.
  proxy.isDown = true
  const newer = topic(topics.payments.name, topics.payments.key, avro<Payment & { note: null }>(evolved))
  await send(feed, to, { ...topics, payments: newer }, { ratePerSecond: null, endMarks: true })
  await until(world, () => warnings.filter(line => line.startsWith('waiting for something')).length >= 4, app.done)
  // Two tasks wait for one schema: one request for both of them, again and again.
  expect(proxy.refused).toBeGreaterThanOrEqual(2)
  expect(app.state).toBe('running')
  const reading = app.read().tasks.filter(task => task.sources.some(at => at.topic === topics.payments.name))
  expect(reading.map(task => task.isWaiting)).toEqual([true, true])
  // What may pass are records that need no schema: nobody is rejected for want of one.
  const before = await readWritten(kafka, direct, topics)
  expect(before.rejected.filter(({ value }) => value.errors.some(({ code }) => code === 'ERR_SCHEMA'))).toEqual(
    before.rejected.filter(({ value }) => feed.placed.some(isUnknownSchema(value))),
  )
  expect(committed(app, topics.payments.name)).toBeLessThan(600)

  proxy.isDown = false
  await app.ended
  await app.stop()
  const { lines, want } = judge(await readWritten(kafka, direct, topics), feed.placed)
  expect(lines).toEqual([])
  expect(want.payments).toBe(1000)
  expect(want.valid).toBeGreaterThan(950)
})

const isUnknownSchema =
  (at: { readonly partition: number; readonly offset: number }) =>
  (placed: { readonly partition: number; readonly offset: number; readonly failure?: string }): boolean =>
    placed.failure === 'ERR_SCHEMA' && placed.partition === at.partition && placed.offset === at.offset

function firstOf(feed: Feed, count: number): Feed {
  let left = count
  return {
    name: feed.name,
    total: count,
    async pull(max) {
      const batch = left === 0 ? [] : await feed.pull(Math.min(max, left))
      left -= batch.length
      return batch
    },
    close: () => Promise.resolve(),
  }
}

test('a broker that is killed twice while payments are processed costs nothing and doubles nothing', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
  let broker = await startBroker({ dataDir })
  onTestFinished(async () => {
    await broker.kill()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const kafka = await connect(addressesOf(broker.bootstrap), world)
  const registry = memoryRegistry()
  const topics = await createTopics(kafka, 'restart-', 4)
  // All of it is in the log before: what the feeder's own retries would do is not the question here.
  const feed = await PlacedFeed.millrace({ seed: 9, customers: 1000 }, 40_000, topics.payments.name, 4)
  const parts = { kafka, registry, world }
  await send(feed, parts, topics, { ratePerSecond: null, endMarks: true })
  const app = await openFlagship(parts, 'restart-')
  await app.start()
  const grows = async (by: number): Promise<void> => {
    const from = committed(app, topics.payments.name)
    await until(world, () => committed(app, topics.payments.name) >= from + by, app.done)
  }
  await grows(2000)
  for (let kill = 0; kill < 2; kill++) {
    await broker.kill()
    broker = await startBroker({ dataDir, port: broker.port })
    await grows(2000)
  }
  await app.ended
  await app.stop()
  await app.done
  const written = await readWritten(kafka, registry, topics)
  const { lines, want } = judge(written, feed.placed)
  expect(lines).toEqual([])
  expect(want.payments).toBe(40_000)
  expect(written.input.length).toBe(want.payments + 4)
})
