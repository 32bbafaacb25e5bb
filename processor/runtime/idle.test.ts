import { Buffer } from 'node:buffer'
import { expect, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { topology } from '../../topology/stream.ts'
import { embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { FetchedPartition, Fetcher, Kafka, Transport } from '../ports.ts'
import { memoryStores } from '../state/memory.ts'
import { TopicReader } from '../testing/read-rows.ts'
import { silentLog, systemWorld } from '../world.ts'
import { createApp } from './app.ts'

// A worker that has nothing to do does nothing: how often its loop turns while it waits.

const world = systemWorld(silentLog)
const watchMs = 600
/** Each turn waits for up to 100 ms; a few more for what happens meanwhile. */
const turnsMost = 20

const payments = topic('payments', text, text)
const names = topic('names', text, text)
const named = topic('named', text, text)

function joined() {
  const t = topology('idle')
  t.stream(payments)
    .join(t.table(names), (payment, name) => `${payment} of ${name}`)
    .to(named)
  return t
}

/** Holds up what must not come yet. */
class Gate {
  #closed: PromiseWithResolvers<void> | null = null

  get passing(): Promise<void> | undefined {
    return this.#closed?.promise
  }

  close(): void {
    this.#closed = Promise.withResolvers()
  }

  open(): void {
    this.#closed?.resolve()
    this.#closed = null
  }
}

/** Ends of transactions wait at the gate. */
const endsAt = (gate: Gate, transport: Transport): Transport => ({
  bootstrap: transport.bootstrap,
  connect: async (address, options) => {
    const channel = await transport.connect(address, { ...options, timeoutMs: 60_000 })
    return {
      get open() {
        return channel.open
      },
      request: async <Answer>(api: string, version: number, body: object): Promise<Answer> => {
        if (api === 'EndTxn') await gate.passing
        return channel.request<Answer>(api, version, body)
      },
      close: () => channel.close(),
    }
  },
})

/** Names wait at the gate, all else is passed on; counts how often it is asked. */
class GatedFetcher {
  polls = 0
  readonly #gate: Gate
  #held: FetchedPartition[] = []

  constructor(gate: Gate) {
    this.#gate = gate
  }

  over(fetcher: Fetcher): Fetcher {
    const poll = fetcher.poll.bind(fetcher)
    fetcher.poll = async (ms, signal) => {
      this.polls++
      const come = await poll(ms, signal)
      if (this.#gate.passing === undefined) return [...this.#held.splice(0), ...come]
      this.#held.push(...come.filter(each => each.topic === names.name))
      return come.filter(each => each.topic !== names.name)
    }
    return fetcher
  }
}

async function open() {
  const broker = embeddedBroker({ world })
  const [ends, input] = [new Gate(), new Gate()]
  const connect = async (transport: Transport): Promise<Kafka> => {
    const client = nativeKafka({ transport, world, clientId: 'test' })
    await client.connect()
    return client
  }
  const kafka = await connect(broker.transport())
  await kafka.admin().createTopics([payments, names, named].map(({ name }) => ({ name, partitions: 1 })))
  const client = await connect(endsAt(ends, broker.transport()))
  const gated = new GatedFetcher(input)
  const fetcher = client.fetcher.bind(client)
  client.fetcher = of => gated.over(fetcher(of))
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
  await producer.init()
  const send = async (to: string, key: string, value: string): Promise<void> => {
    const [k, v] = [Buffer.from(key), Buffer.from(value)]
    producer.buffer(to, 0).append(1000, k, 0, k.length, v, 0, v.length, null, 0, 0)
    await producer.flush()
  }
  const parts = { kafka: client, registry: memoryRegistry(), stores: memoryStores(), world, partitionOf }
  const app = createApp(joined(), { ...parts, instance: 'a', commitIntervalMs: 20 })
  onTestFinished(async () => {
    ends.open()
    input.open()
    await app.stop()
    await producer.close()
    await client.close()
    await kafka.close()
    broker.close()
  })
  const turnsIn = async (ms: number): Promise<number> => {
    const before = gated.polls
    await world.scheduler.sleep(ms)
    return gated.polls - before
  }
  const results = async (count: number): Promise<string[]> => {
    const reader = await TopicReader.open(kafka, ['named'], 'read_committed')
    reader.start()
    onTestFinished(() => reader.close())
    while (reader.rows('named').length < count) await world.scheduler.sleep(5)
    return reader.rows('named').map(({ value }) => value!.toString())
  }
  return { ends, input, app, send, turnsIn, results }
}

test('while one source of a task waits for the other it sleeps, and goes on when that has come', async () => {
  const { input, app, send, turnsIn, results } = await open()
  await send('names', 'k', 'Ada')
  input.close()
  await app.start()
  for (let payment = 0; payment < 50; payment++) await send('payments', 'k', `${payment}`)
  await world.scheduler.sleep(200)
  expect(await turnsIn(watchMs)).toBeLessThan(turnsMost)
  input.open()
  expect(await results(50)).toContain('49 of Ada')
})

test('while a commit is under way and the next one is due it sleeps, and commits when the first has ended', async () => {
  const { ends, app, send, turnsIn, results } = await open()
  await send('names', 'k', 'Ada')
  await app.start()
  await send('payments', 'k', 'one')
  expect(await results(1)).toEqual(['one of Ada'])
  ends.close()
  await send('payments', 'k', 'two')
  await world.scheduler.sleep(200)
  await send('payments', 'k', 'three')
  await world.scheduler.sleep(200)
  expect(await turnsIn(watchMs)).toBeLessThan(turnsMost)
  const startMs = world.clock.monotonic()
  ends.open()
  expect(await results(3)).toContain('three of Ada')
  expect(world.clock.monotonic() - startMs).toBeLessThan(90)
})
