import { expect, test } from 'vitest'
import { codes } from './codes.ts'
import { Bench, batch, type TestBatch } from './testing.ts'

// What a broker remembers of producers, by the timestamps of their records and not by when they came
// (ProducerStateManager); that a real broker does so too is shown by processor/kafka/native/producer.kafka.test.ts.

const day = 86_400_000
const minute = 60_000

class ProducersBench extends Bench {
  #starts = 0

  static async open(): Promise<ProducersBench> {
    const bench = new ProducersBench()
    await bench.topic('t')
    return bench
  }

  async init(id: string): Promise<{ producerId: number; epoch: number }> {
    const body = { transactionalId: id, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }
    const { producerId, producerEpoch: epoch } = await this.ask('InitProducerId', 5, body)
    return { producerId, epoch }
  }

  /** One record of a producer; answers its offset, or the error code as a negative number. */
  async send(
    sequence: number,
    ageMs: number,
    options: Partial<TestBatch> & { id?: string; version?: number } = {},
  ): Promise<number> {
    const { id = null, version = 12, ...fields } = options
    const timestamp = this.world.clock.now() - ageMs
    const records = batch({
      producerId: 7,
      epoch: 0,
      sequence,
      records: [{ key: 'a', value: 'a', timestamp }],
      ...fields,
    })
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
    const answer = await this.ask('Produce', version, { transactionalId: id, topicData }, `start ${this.#starts}`)
    const { errorCode, baseOffset } = answer.responses[0].partitionResponses[0]
    return errorCode === codes.NONE ? baseOffset : -errorCode
  }

  restart(): void {
    this.broker.restart()
    this.#starts++
  }
}

test.each([
  ['of now', 0, 2],
  ['of nearly a day ago', day - 1, 2],
  ['of a day ago', day, 3],
])('after a restart a batch that comes again is known when its records are %s', async (_, ageMs, offset) => {
  const bench = await ProducersBench.open()
  for (const sequence of [0, 1, 2]) expect(await bench.send(sequence, ageMs)).toBe(sequence)
  expect(await bench.send(2, ageMs)).toBe(2)
  bench.restart()
  expect(await bench.send(2, ageMs)).toBe(offset)
  expect(await bench.send(3, ageMs)).toBe(offset + 1)
})

test('of the last five batches of a producer a restart leaves one', async () => {
  const bench = await ProducersBench.open()
  for (const sequence of [0, 1, 2]) await bench.send(sequence, 0)
  expect(await bench.send(1, 0)).toBe(1)
  bench.restart()
  expect(await bench.send(1, 0)).toBe(-codes.OUT_OF_ORDER_SEQUENCE_NUMBER)
  expect(await bench.send(2, 0)).toBe(2)
})

test('a broker that runs forgets old producers every ten minutes', async () => {
  const bench = await ProducersBench.open()
  await bench.send(0, 2 * day)
  await bench.world.advance(9 * minute)
  expect(await bench.send(0, 2 * day)).toBe(0)
  await bench.world.advance(minute)
  expect(await bench.send(0, 2 * day)).toBe(1)
})

test('a producer with an open transaction is not forgotten, and after its end for a day', async () => {
  const bench = await ProducersBench.open()
  const { producerId, epoch } = await bench.init('tx')
  const options = { producerId, epoch, transactional: true, id: 'tx' }
  await bench.send(0, 2 * day, options)
  bench.restart()
  expect(await bench.send(0, 2 * day, options)).toBe(0)
  const end = { transactionalId: 'tx', producerId, producerEpoch: epoch, committed: true }
  expect((await bench.ask('EndTxn', 5, end, 'end')).errorCode).toBe(codes.NONE)
  bench.restart()
  expect(await bench.send(1, 0, options)).toBe(-codes.INVALID_PRODUCER_EPOCH)
})

test('whether a producer must begin with the sequence 0 is decided by the version of its first request', async () => {
  const gap = -codes.OUT_OF_ORDER_SEQUENCE_NUMBER
  const older = await ProducersBench.open()
  const first = { ...(await older.init('tx')), id: 'tx', transactional: true }
  expect(await older.send(5, 0, { ...first, version: 11 })).toBe(-codes.TRANSACTION_ABORTABLE)
  expect(await older.send(6, 0, first)).toBe(gap)
  expect(await older.send(5, 0, first)).toBe(0)

  const newer = await ProducersBench.open()
  const second = { ...(await newer.init('tx')), id: 'tx', transactional: true }
  expect(await newer.send(5, 0, second)).toBe(gap)
  expect(await newer.send(5, 0, { ...second, version: 11, transactional: false })).toBe(gap)
  expect(await newer.send(0, 0, second)).toBe(0)
})

test('who has asked under the epoch that the end of a transaction brings keeps its place', async () => {
  const bench = await ProducersBench.open()
  const { producerId, epoch } = await bench.init('tx')
  const first = { producerId, epoch, id: 'tx', transactional: true }
  const next = { ...first, epoch: epoch + 1 }
  await bench.send(0, 0, first)
  expect(await bench.send(0, 0, next)).toBe(-codes.INVALID_PRODUCER_EPOCH)
  await bench.ask('EndTxn', 5, { transactionalId: 'tx', producerId, producerEpoch: epoch, committed: true })
  expect(await bench.send(0, 0, { ...next, transactional: false })).toBe(2)
  expect(await bench.send(1, 0, next)).toBe(-codes.OUT_OF_ORDER_SEQUENCE_NUMBER)
})
