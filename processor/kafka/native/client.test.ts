import { Buffer } from 'node:buffer'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { embeddedBroker } from '../../embedded/broker.ts'
import type { Channel, Kafka, Log, Transport, World } from '../../ports.ts'
import {
  append,
  appendAll,
  at,
  newProducer,
  newTopic,
  numbered,
  rowsOf,
  until,
  valuesOf,
  world,
} from '../conformance-tools.ts'
import { batchHeader } from './batch-inspect.ts'
import { nativeKafka } from './client.ts'
import { code, type FetchAnswer, type ProduceAnswer } from './messages.ts'
import { KafkaError } from './protocol/errors.ts'

// What brokers do seldom: their answers are changed on the way.

const broker = embeddedBroker({ world })
afterAll(() => broker.close())

type Ask = (api: string, version: number, body: object) => Promise<unknown>
/** Stands between the client and its broker; `ask` goes on to the broker. */
type Middleman = (api: string, body: any, ask: () => Promise<any>) => Promise<unknown>

function between(middleman: Middleman): Transport {
  const transport = broker.transport()
  return {
    bootstrap: transport.bootstrap,
    connect: async (address, options): Promise<Channel> => {
      const channel = await transport.connect(address, options)
      const request: Ask = (api, version, body) => middleman(api, body, () => channel.request(api, version, body))
      return {
        get open() {
          return channel.open
        },
        request: request as Channel['request'],
        close: () => channel.close(),
      }
    },
  }
}

async function clientWith(middleman: Middleman): Promise<Kafka> {
  const kafka = nativeKafka({ transport: between(middleman), world, clientId: 'test' })
  onTestFinished(() => kafka.close())
  await kafka.connect()
  return kafka
}

/** A client whose Produce requests are refused with these codes, one after the other, before they reach the broker. */
async function refusing(codes: number[]): Promise<{ kafka: Kafka; sent: Buffer[] }> {
  const sent: Buffer[] = []
  const kafka = await clientWith(async (api, body, ask) => {
    if (api !== 'Produce') return ask()
    const [topic] = body.topicData
    const [partition] = topic.partitionData
    sent.push(Buffer.from(partition.records))
    const errorCode = codes.shift()
    if (errorCode === undefined) return ask()
    const answer = { index: partition.index, errorCode, baseOffset: -1, errorMessage: null }
    return { responses: [{ name: topic.name, partitionResponses: [answer] }] } satisfies ProduceAnswer
  })
  return { kafka, sent }
}

test('exactly once is refused where transactions of version 2 are not finalized', async () => {
  const kafka = await clientWith(async (api, _body, ask) => {
    const answer = await ask()
    if (api !== 'ApiVersions') return answer
    return { ...answer, finalizedFeatures: [{ name: 'transaction.version', minVersionLevel: 0, maxVersionLevel: 1 }] }
  })
  const producer = kafka.producer({ transactionalId: 'tx', transactionTimeoutMs: 1000 })
  await expect(producer.init()).rejects.toMatchObject({ code: 'CAPABILITY' })
  await expect(producer.init()).rejects.toThrow(/exactly_once needs .* finalized 1/)
  await newProducer(kafka, { transactionalId: null })
})

test('a refused batch is sent again byte for byte', async () => {
  const { kafka, sent } = await refusing([
    code.concurrentTransactions,
    code.notLeaderOrFollower,
    code.outOfOrderSequenceNumber,
    code.notEnoughReplicas,
  ])
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka)
  appendAll(producer, topic, 0, numbered('v', 3))
  await producer.flush()
  await producer.end('commit')
  expect(sent).toHaveLength(5)
  for (const bytes of sent) expect(bytes.equals(sent[0]!)).toBe(true)
  expect(broker.log(topic, 0)!.endOffset).toBe(4)
})

test('a batch that the broker knows already counts as sent', async () => {
  const { kafka, sent } = await refusing([code.duplicateSequenceNumber])
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka)
  append(producer, topic, 0, { value: 'v' })
  await producer.flush()
  expect(sent).toHaveLength(1)
})

test('a gap in the sequence out of nowhere is a loss: everything is refused until init', async () => {
  const { kafka, sent } = await refusing([code.outOfOrderSequenceNumber])
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka)
  append(producer, topic, 0, { value: 'v' })
  await expect(producer.flush()).rejects.toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  await expect(producer.end('commit')).rejects.toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  await expect(producer.end('abort')).rejects.toThrow()
  await expect(
    producer.sendOffsets([], { groupId: 'g', memberId: '', generation: -1, instanceId: null }),
  ).rejects.toThrow()
  expect(() => producer.seal()).toThrow()
  expect(sent).toHaveLength(1)
  await producer.init()
  await producer.flush()
  expect(sent).toHaveLength(1)
})

test('a topic that does not exist is named', async () => {
  const kafka = nativeKafka({ transport: broker.transport(), world, clientId: 'test', requestTimeoutMs: 100 })
  onTestFinished(() => kafka.close())
  const producer = await newProducer(kafka)
  append(producer, 'nowhere', 0, { value: 'v' })
  await expect(producer.flush()).rejects.toMatchObject({ code: 'TOPIC_MISSING' })
  const offsets = kafka.admin().offsets([{ topic: 'nowhere', partition: 0 }], 'latest', 'read_committed')
  await expect(offsets).rejects.toMatchObject({ code: 'TOPIC_MISSING' })
})

test('producer id and epoch of the next transaction are those of the EndTxn answer', async () => {
  const identities: string[] = []
  const kafka = await clientWith(async (api, body, ask) => {
    if (api === 'EndTxn') return { errorCode: 0, producerId: body.producerId + 1000, producerEpoch: 0 }
    if (api !== 'Produce') return ask()
    const records: Buffer = body.topicData[0].partitionData[0].records
    const { producerId, producerEpoch, baseSequence } = batchHeader(records, 0, records.length)
    identities.push(`${producerId - first} ${producerEpoch} ${baseSequence}`)
    if (identities.length === 1) return ask()
    const answer = { index: 0, errorCode: 0, baseOffset: 7, errorMessage: null }
    return { responses: [{ name: body.topicData[0].name, partitionResponses: [answer] }] }
  })
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka)
  let first = 0
  append(producer, topic, 0, { value: 'v' })
  await producer.flush()
  first = Number(identities[0]!.split(' ')[0])
  append(producer, topic, 0, { value: 'v' })
  await producer.end('commit')
  append(producer, topic, 0, { value: 'v' })
  await producer.flush()
  expect(identities.slice(1)).toEqual(['0 0 1', '1000 0 0'])
  expect(producer.nextOffset(topic, 0)).toBe(8)
})

test('an answer to an offset request that leaves partitions out is not taken for success', async () => {
  let asked = 0
  const kafka = await clientWith(async (api, _body, ask) => {
    const answer = await ask()
    if (api !== 'TxnOffsetCommit' || asked++ > 0) return answer
    return { topics: answer.topics.map((topic: any) => ({ ...topic, partitions: topic.partitions.slice(1) })) }
  })
  const topic = await newTopic(kafka, 2)
  const producer = await newProducer(kafka)
  const group = { groupId: topic, memberId: '', generation: -1, instanceId: null }
  await producer.sendOffsets([at(topic, 0, 1), at(topic, 1, 2)], group)
  expect(asked).toBe(2)
  await producer.end('commit')
})

test('an answer that was on its way when its partition was assigned anew is not delivered', async () => {
  let release = (): void => {}
  const held = new Promise<void>(resolve => (release = resolve))
  const offsets: number[] = []
  const kafka = await clientWith(async (api, body, ask) => {
    if (api !== 'Fetch') return ask()
    const { fetchOffset } = body.topics[0].partitions[0]
    offsets.push(fetchOffset)
    const answer: FetchAnswer = await ask()
    if (fetchOffset === 0) await held
    return answer
  })
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka, { transactionalId: null })
  appendAll(producer, topic, 0, numbered('v', 10))
  await producer.flush()
  const fetcher = kafka.fetcher({ isolation: 'read_uncommitted', maxWaitMs: 10 })
  fetcher.assign([at(topic, 0, 0)])
  await until(() => offsets.length === 1)
  fetcher.unassign([{ topic, partition: 0 }])
  fetcher.assign([at(topic, 0, 8)])
  release()
  const seen: unknown[] = []
  for (let polls = 0; polls < 5; polls++)
    for (const each of await fetcher.poll(50)) seen.push(...valuesOf(rowsOf(each)))
  expect(seen).toEqual(['v8', 'v9'])
})

test('answers that wait to be taken are forgotten by a seek, and come in order after a pause', async () => {
  const answered: number[] = []
  let release = (): void => {}
  const gate = new Promise<void>(resolve => (release = resolve))
  const kafka = await clientWith(async (api, body, ask) => {
    const answer = await ask()
    if (api !== 'Fetch') return answer
    const { fetchOffset } = body.topics[0].partitions[0]
    if (fetchOffset === 7) await gate
    answered.push(fetchOffset)
    return answer
  })
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka, { transactionalId: null })
  for (let offset = 0; offset < 10; offset++) {
    append(producer, topic, 0, { value: `v${offset}` })
    await producer.flush()
  }
  const partition = [{ topic, partition: 0 }]
  const fetcher = kafka.fetcher({ isolation: 'read_uncommitted', partitionMaxBytes: 1, maxWaitMs: 10 })
  fetcher.assign([at(topic, 0, 0)])
  await until(() => answered.includes(1))
  fetcher.assign([at(topic, 0, 5)])
  const [first] = await fetcher.poll(1000)
  expect(first!.records.offset[0]).toBe(5)
  // Offset 6 is held back by the pause while 7 is still on its way.
  await until(() => answered.includes(6))
  fetcher.pause(partition)
  expect(await fetcher.poll(10)).toEqual([])
  release()
  await until(() => answered.includes(7))
  fetcher.resume(partition)
  const offsets: number[] = []
  while (offsets.length < 4) for (const each of await fetcher.poll(1000)) offsets.push(each.records.offset[0]!)
  expect(offsets).toEqual([6, 7, 8, 9])
})

test('nobody polls: only so much is fetched ahead', async () => {
  let fetches = 0
  const kafka = await clientWith((api, _body, ask) => {
    if (api === 'Fetch') fetches++
    return ask()
  })
  const topic = await newTopic(kafka)
  const producer = await newProducer(kafka, { transactionalId: null })
  for (let flush = 0; flush < 20; flush++) {
    appendAll(producer, topic, 0, numbered('v', 10))
    await producer.flush()
  }
  const fetcher = kafka.fetcher({ isolation: 'read_uncommitted', partitionMaxBytes: 100 })
  fetcher.assign([at(topic, 0, 0)])
  await until(() => fetches === 2)
  await world.scheduler.sleep(50)
  expect(fetches).toBe(2)
  await fetcher.poll(1000)
  await until(() => fetches === 4)
})

test('a fetcher goes on after errors of the leader, and reports what is not for it to mend', async () => {
  const codes = [code.notLeaderOrFollower, code.unknownLeaderEpoch, -1, code.kafkaStorageError, 29]
  const kafka = await clientWith(async (api, _body, ask) => {
    const answer = await ask()
    if (api !== 'Fetch' || codes.length === 0) return answer
    for (const topic of answer.responses) for (const partition of topic.partitions) partition.errorCode = codes.shift()
    return answer
  })
  const topic = await newTopic(kafka)
  const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 10 })
  fetcher.assign([at(topic, 0, 0)])
  expect(await fetcher.poll(5000)).toMatchObject([{ error: 'TOPIC_AUTHORIZATION_FAILED', bytes: 0, nextOffset: 0 }])
  expect(codes).toEqual([])
})

test('a broker that is down is waited for without haste, and without flooding the log', async () => {
  const lines: string[] = []
  const log: Log = {
    debug() {},
    info: (_fields, message) => void lines.push(message),
    warn: (_fields, message) => void lines.push(message),
    error: (_fields, message) => void lines.push(message),
  }
  let nowMs = 0
  let downUntilMs = 60_000
  let attempts = 0
  // Time passes only while the client sleeps.
  const clock = { now: () => nowMs, monotonic: () => nowMs }
  const scheduler = {
    sleep: async (ms: number) => {
      nowMs += ms
      await world.scheduler.yield()
    },
    yield: world.scheduler.yield,
  }
  const fast: World = { clock, scheduler, random: { next: () => 0.5 }, log }
  const transport = broker.transport()
  const kafka = nativeKafka({
    transport: {
      bootstrap: transport.bootstrap,
      connect: (address, options) => {
        attempts++
        if (nowMs >= downUntilMs) return transport.connect(address, options)
        return Promise.reject(new KafkaError('connect', 'NETWORK', 'connection refused.'))
      },
    },
    world: fast,
    clientId: 'test',
  })
  await kafka.connect()
  expect(attempts).toBeLessThan(120)
  expect(lines[0]).toBe('Kafka broker embedded:1 cannot be reached: connection refused. Waiting for it.')
  expect(lines.at(-1)).toBe('Kafka broker embedded:1 answers again.')
  expect(lines.length).toBeLessThan(12)
  await kafka.close()

  downUntilMs = Infinity
  const stop = new AbortController()
  const other = nativeKafka({ transport: { bootstrap: [], connect: transport.connect }, world: fast, clientId: 'test' })
  await expect(other.connect()).rejects.toMatchObject({ code: 'CONFIG' })
  stop.abort()
  await expect(other.connect(stop.signal)).rejects.toMatchObject({ code: 'KAFKA_RETRIABLE' })
})
