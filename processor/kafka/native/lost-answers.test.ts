import { expect, onTestFinished, test } from 'vitest'
import { embeddedBroker, type EmbeddedBroker } from '../../embedded/broker.ts'
import type { Channel, Kafka, Producer, ProducerOptions, Transport } from '../../ports.ts'
import { append, newProducer, newTopic, readTo, valuesOf, world } from '../conformance-tools.ts'
import { nativeKafka } from './client.ts'
import { code } from './messages.ts'
import { KafkaError } from './protocol/errors.ts'

// Answers to Produce that are lost while the broker starts anew. It then knows no producer of old records any more, and
// takes a batch that it has for a new one.

/** Called with every request; what it throws is what the client gets, and its connection is lost. */
type Middleman = (api: string, ask: () => Promise<any>, version: number, body: object) => Promise<unknown>

interface Bench {
  readonly broker: EmbeddedBroker
  readonly kafka: Kafka
  readonly topic: string
  readonly asked: string[]
  /** Puts itself between the client and the broker, for the next requests. */
  between: Middleman
}

async function open(): Promise<Bench> {
  const broker = embeddedBroker({ world })
  const direct = broker.transport()
  const asked: string[] = []
  const bench = { broker, asked, between: ((_api, ask) => ask()) as Middleman }
  const transport: Transport = {
    bootstrap: direct.bootstrap,
    connect: async (address, options): Promise<Channel> => {
      const channel = await direct.connect(address, options)
      const request = async (api: string, version: number, body: object): Promise<unknown> => {
        asked.push(api)
        try {
          return await bench.between(api, () => channel.request(api, version, body), version, body)
        } catch (error) {
          channel.close()
          throw error
        }
      }
      return {
        get open() {
          return channel.open
        },
        request: request as Channel['request'],
        close: () => channel.close(),
      }
    },
  }
  const kafka = nativeKafka({ transport, world, clientId: 'test' })
  onTestFinished(async () => {
    await kafka.close()
    broker.close()
  })
  await kafka.connect()
  return Object.assign(bench, { kafka, topic: await newTopic(kafka) })
}

const lost = (): never => {
  throw new KafkaError('Produce', 'NETWORK', 'The test lost the answer.')
}

/** The answer of the next Produce does not come, as its broker died. */
function dieAfterProduce(bench: Bench): void {
  bench.between = async (api, ask) => {
    if (api !== 'Produce') return ask()
    bench.between = (_api, askOn) => askOn()
    await ask()
    bench.broker.restart()
    return lost()
  }
}

const idempotent: Partial<ProducerOptions> = { transactionalId: null }
const old = 1000
const produces = ({ asked }: Bench): number => asked.filter(api => api === 'Produce').length

async function send(producer: Producer, topic: string, values: readonly string[], timestamp = old): Promise<void> {
  for (const value of values) append(producer, topic, 0, { value, timestamp })
  await producer.flush()
}

const valuesIn = async ({ broker, kafka, topic }: Bench): Promise<unknown> =>
  valuesOf((await readTo(kafka, { topic, partition: 0 }, broker.log(topic, 0)!.endOffset)).rows)

test('a batch of old records whose answer is lost with its broker is found in the log, not written again', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  await send(producer, bench.topic, ['a', 'b'])
  const other = await newProducer(bench.kafka, idempotent)
  await send(other, bench.topic, ['x'])
  dieAfterProduce(bench)
  await send(producer, bench.topic, ['c', 'd'])
  expect(producer.nextOffset(bench.topic, 0)).toBe(5)
  await send(producer, bench.topic, ['e'])
  expect(produces(bench)).toBe(4)
  expect(await valuesIn(bench)).toEqual(['a', 'b', 'x', 'c', 'd', 'e'])
})

test('so is the first batch of a producer in a partition', async () => {
  const bench = await open()
  await send(await newProducer(bench.kafka, idempotent), bench.topic, ['x'])
  const producer = await newProducer(bench.kafka, idempotent)
  dieAfterProduce(bench)
  await send(producer, bench.topic, ['a', 'b'])
  await send(producer, bench.topic, ['c'])
  expect(await valuesIn(bench)).toEqual(['x', 'a', 'b', 'c'])
})

test('a batch that is behind much else is found', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  const other = await newProducer(bench.kafka, idempotent)
  const large = 'x'.repeat(800_000)
  bench.between = async (api, ask) => {
    if (api !== 'Produce') return ask()
    bench.between = (_api, askOn) => askOn()
    for (let count = 0; count < 3; count++) await send(other, bench.topic, [large])
    await ask()
    bench.broker.restart()
    return lost()
  }
  await send(producer, bench.topic, ['a'])
  expect(bench.asked.filter(api => api === 'Fetch').length).toBeGreaterThan(2)
  expect(await valuesIn(bench)).toEqual([large, large, large, 'a'])
})

test('a batch that never arrived is sent again', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  await send(producer, bench.topic, ['a'])
  bench.between = async (api, ask) => {
    if (api !== 'Produce') return ask()
    bench.between = (_api, askOn) => askOn()
    bench.broker.restart()
    return lost()
  }
  await send(producer, bench.topic, ['b'])
  expect(produces(bench)).toBe(3)
  expect(await valuesIn(bench)).toEqual(['a', 'b'])
})

test('what is looked for and not found is sent on the same connection: a broker that starts in between gets nothing', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  await send(producer, bench.topic, ['a'])
  let late: (() => Promise<unknown>) | null = null
  bench.between = async (api, ask, version, body) => {
    if (api === 'Produce' && late === null) {
      // The first copy is still on its way when the client gives its connection up.
      const direct = bench.broker.transport()
      const channel = await direct.connect(direct.bootstrap[0]!, { clientId: 'late', timeoutMs: 1000 })
      late = () => channel.request(api, version, body)
      return lost()
    }
    const answer = await ask()
    if (api !== 'ListOffsets' || late === null) return answer
    bench.between = (_api, askOn) => askOn()
    await late()
    bench.broker.restart()
    return answer
  }
  await send(producer, bench.topic, ['b'])
  await send(producer, bench.topic, ['c'])
  expect(await valuesIn(bench)).toEqual(['a', 'b', 'c'])
})

test('records of now are not forgotten, so nothing is asked', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  await send(producer, bench.topic, ['a'], world.clock.now())
  dieAfterProduce(bench)
  bench.asked.length = 0
  await send(producer, bench.topic, ['b'], world.clock.now())
  expect(bench.asked.filter(api => api === 'ListOffsets' || api === 'Fetch')).toEqual([])
  expect(produces(bench)).toBe(2)
  expect(await valuesIn(bench)).toEqual(['a', 'b'])
})

test('an open transaction is not forgotten either', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka)
  dieAfterProduce(bench)
  bench.asked.length = 0
  await send(producer, bench.topic, ['a'])
  await producer.end('commit')
  expect(bench.asked.filter(api => api === 'ListOffsets' || api === 'Fetch')).toEqual([])
  expect(await valuesIn(bench)).toEqual(['a'])
})

const unknown = /^Whether a batch of 2 records was written is not known: its answer was lost/

test('where the log may not be read, the producer fails rather than write twice', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  bench.between = async (api, ask) => {
    if (api !== 'Produce' && api !== 'Fetch') return ask()
    const answer = await ask()
    if (api === 'Produce') {
      bench.broker.restart()
      return lost()
    }
    answer.responses[0].partitions[0] = { errorCode: code.topicAuthorizationFailed, records: null }
    return answer
  }
  const failure = { code: 'KAFKA', message: expect.stringMatching(unknown), place: { offset: 0 } }
  await expect(send(producer, bench.topic, ['a', 'b'])).rejects.toMatchObject(failure)
  await expect(producer.flush()).rejects.toMatchObject(failure)
  expect(bench.broker.log(bench.topic, 0)!.endOffset).toBe(2)
})

test('where the place of the batch is deleted already, the producer fails too', async () => {
  const bench = await open()
  const producer = await newProducer(bench.kafka, idempotent)
  await send(producer, bench.topic, ['a'])
  dieAfterProduce(bench)
  const { between } = bench
  bench.between = async (api, ask, version, body) => {
    const answer = between(api, ask, version, body)
    if (api === 'Produce') answer.catch(() => bench.broker.log(bench.topic, 0)!.deleteBefore(3))
    return answer
  }
  await expect(send(producer, bench.topic, ['b', 'c'])).rejects.toThrow(/what follows is deleted already/)
  expect(bench.broker.log(bench.topic, 0)!.endOffset).toBe(3)
})
