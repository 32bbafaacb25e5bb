import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Broker, startBroker } from '../../../infra/broker.ts'
import { embeddedBroker } from '../../embedded/broker.ts'
import { batch } from '../../embedded/testing.ts'
import type { Channel, Kafka, Transport } from '../../ports.ts'
import { appendAll, newProducer, numbered, readTo, valuesOf, world } from '../conformance-tools.ts'
import { nativeKafka } from './client.ts'
import { KafkaError } from './protocol/errors.ts'
import { tcpTransport } from './tcp.ts'

// A real broker that is killed and started again, with producers whose records are old.

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
let broker: Broker
let tcp: Transport
beforeAll(async () => {
  broker = await startBroker({ dataDir })
  tcp = tcpTransport({ bootstrap: [{ host: '127.0.0.1', port: broker.port }] })
})
afterAll(async () => {
  await broker.kill()
  rmSync(dataDir, { recursive: true, force: true })
})

async function killAndStart(): Promise<void> {
  await broker.kill()
  broker = await startBroker({ dataDir, port: broker.port })
}

async function client(transport: Transport): Promise<Kafka> {
  const kafka = nativeKafka({ transport, world, clientId: 'test' })
  onTestFinished(() => kafka.close())
  await kafka.connect()
  return kafka
}

async function newTopics(transport: Transport, names: readonly string[]): Promise<void> {
  const configs = { 'retention.ms': '-1' }
  await (await client(transport)).admin().createTopics(names.map(name => ({ name, partitions: 1, configs })))
}

test('what a broker that starts again knows of producers: the embedded broker as the real one', async () => {
  const day = 86_400_000
  const nowMs = world.clock.now()
  const ages = { 'of-now': 0, 'of-yesterday': day - 3_600_000, 'of-the-day-before': day + 3_600_000 }
  async function play(transport: Transport, restart: () => void | Promise<void>): Promise<Record<string, unknown>> {
    await newTopics(transport, Object.keys(ages))
    const connect = (): Promise<Channel> =>
      transport.connect(transport.bootstrap[0]!, { clientId: 'test', timeoutMs: 10_000 })
    let channel = await connect()
    const init = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 }
    let producerId = -1
    // A broker that has just started may have no ids yet.
    while (producerId === -1) ({ producerId } = await channel.request<any>('InitProducerId', 4, init))
    const send = async (name: string, ageMs: number, sequence: number): Promise<string> => {
      const records = batch({
        producerId,
        epoch: 0,
        sequence,
        records: [{ key: null, value: `${sequence}`, timestamp: nowMs - ageMs }],
      })
      const topicData = [{ name, partitionData: [{ index: 0, records }] }]
      const body = { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData }
      for (;;) {
        const { responses } = await channel.request<any>('Produce', 11, body)
        const [{ errorCode, baseOffset }] = responses[0].partitionResponses
        // A leader that has just started may still have to take the partition over.
        if (errorCode !== 3 && errorCode !== 6) return `${errorCode} @${baseOffset}`
        await world.scheduler.sleep(20)
      }
    }
    const answers: Record<string, string[]> = {}
    for (const [name, ageMs] of Object.entries(ages)) {
      answers[name] = []
      for (const sequence of [0, 1, 2, 2, 1]) answers[name].push(await send(name, ageMs, sequence))
    }
    channel.close()
    await restart()
    channel = await connect()
    for (const [name, ageMs] of Object.entries(ages)) {
      for (const sequence of [2, 1, 3]) answers[name]!.push(await send(name, ageMs, sequence))
    }
    channel.close()
    return answers
  }
  const embedded = embeddedBroker({ world })
  const actual = await play(embedded.transport(), () => embedded.restart())
  embedded.close()
  expect(actual).toEqual(await play(tcp, killAndStart))
  // It does forget: that is why lost answers need care.
  expect(actual['of-the-day-before']).toContain('0 @3')
})

test('a broker that dies with the answer to a batch of old records leaves the batch once in the log', async () => {
  let produces = 0
  const transport: Transport = {
    bootstrap: tcp.bootstrap,
    connect: async (address, options): Promise<Channel> => {
      const channel = await tcp.connect(address, options)
      const request = async <Answer>(api: string, version: number, body: object): Promise<Answer> => {
        const answer = await channel.request<Answer>(api, version, body)
        if (api !== 'Produce' || ++produces !== 2) return answer
        await killAndStart()
        throw new KafkaError(api, 'NETWORK', 'The test lost the answer.')
      }
      return {
        get open() {
          return channel.open
        },
        request,
        close: () => channel.close(),
      }
    },
  }
  const topic = 'once'
  await newTopics(tcp, [topic])
  const kafka = await client(transport)
  const producer = await newProducer(kafka, { transactionalId: null })
  for (let round = 0; round < 3; round++) {
    appendAll(producer, topic, 0, numbered(`${round}-`, 5))
    await producer.flush()
    expect(producer.nextOffset(topic, 0)).toBe(5 * round + 5)
  }
  expect(produces).toBe(3)
  const [end] = await kafka.admin().offsets([{ topic, partition: 0 }], 'latest', 'read_uncommitted')
  const { rows } = await readTo(kafka, { topic, partition: 0 }, end!.offset)
  expect(valuesOf(rows)).toEqual([0, 1, 2].flatMap(round => numbered(`${round}-`, 5)))
})
