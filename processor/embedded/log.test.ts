import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { codes } from './codes.ts'
import { sentHeader, sizeBytesOf } from './batch-header.ts'
import { recordsOf } from './records.ts'
import { batch, Bench, texts, type TestBatch } from './testing.ts'

interface Fetched {
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly { producerId: number; firstOffset: number }[] | null
  readonly records: Buffer | null
}

class LogBench extends Bench {
  async produce(batchOf: TestBatch, partition = 0, topic = 't'): Promise<{ errorCode: number; baseOffset: number }> {
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: batch(batchOf) }] }]
    const transactionalId = batchOf.transactional === true ? `id-${batchOf.producerId}` : null
    return (await this.ask('Produce', 12, { transactionalId, acks: -1, topicData })).responses[0].partitionResponses[0]
  }

  async begin(
    name: string,
  ): Promise<{ producerId: number; epoch: number; transactional: true; transactionalId: string }> {
    const answer = await this.ask('InitProducerId', 5, { transactionalId: name, transactionTimeoutMs: 60_000 })
    return { producerId: answer.producerId, epoch: answer.producerEpoch, transactional: true, transactionalId: name }
  }

  async end(
    { transactionalId, producerId, epoch }: { transactionalId: string; producerId: number; epoch: number },
    committed: boolean,
  ): Promise<void> {
    await this.ask('EndTxn', 5, { transactionalId, producerId, producerEpoch: epoch, committed })
  }

  fetch(
    options: {
      offset?: number
      offsets?: readonly number[]
      maxBytes?: number
      partitionMaxBytes?: number
      waitMs?: number
      minBytes?: number
      committed?: boolean
      connection?: string
    } = {},
  ): Promise<Fetched[]> {
    const partitions = (options.offsets ?? [options.offset ?? 0]).map((fetchOffset, partition) => ({
      partition,
      fetchOffset,
      partitionMaxBytes: options.partitionMaxBytes ?? 1 << 20,
    }))
    const answer = this.ask(
      'Fetch',
      12,
      {
        maxWaitMs: options.waitMs ?? 0,
        minBytes: options.minBytes ?? 1,
        maxBytes: options.maxBytes ?? 1 << 20,
        isolationLevel: options.committed === true ? 1 : 0,
        topics: [{ topic: 't', partitions }],
      },
      options.connection,
    )
    return answer.then(({ responses }) => responses[0].partitions)
  }
}

async function log(partitions = 1, configs: Readonly<Record<string, string>> = {}, defaults = {}): Promise<LogBench> {
  const bench = new LogBench(defaults)
  await bench.topic('t', partitions, configs)
  return bench
}

function sizes(records: Buffer | null | undefined): number[] {
  const found: number[] = []
  for (let rest = records ?? Buffer.alloc(0); rest.length > 0;) {
    const header = sentHeader(rest)
    const size = header === null ? 0 : sizeBytesOf(header)
    expect(size).toBeLessThanOrEqual(rest.length)
    found.push(size)
    rest = rest.subarray(size)
  }
  return found
}

test('what was produced is fetched, with its offsets, and does not change when the producer reuses its buffer', async () => {
  const bench = await log()
  const bytes = batch({ records: texts('a', 'b') })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: [bytes.subarray(0, 30), bytes.subarray(30)] }] }]
  await bench.ask('Produce', 12, { transactionalId: null, topicData })
  const expected = Buffer.from(bytes)
  bytes.fill(0)
  await bench.produce({ records: texts('c') })
  const [fetched] = await bench.fetch()
  expect(fetched).toMatchObject({
    errorCode: 0,
    highWatermark: 3,
    lastStableOffset: 3,
    logStartOffset: 0,
    abortedTransactions: null,
  })
  expect(fetched?.records?.subarray(21, expected.length)).toEqual(expected.subarray(21))
  const read = bench.broker.log('t', 0)?.batches.all.flatMap(each => recordsOf(each))
  expect(read?.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
  ])
})

test('fetching in the middle of a batch brings the batch', async () => {
  const bench = await log()
  await bench.produce({ records: texts('a', 'b', 'c') })
  const [fetched] = await bench.fetch({ offset: 2 })
  expect(sizes(fetched?.records)).toHaveLength(1)
})

test('maxBytes cuts between batches, and the first partition with data brings at least one', async () => {
  const bench = await log(2)
  for (let turn = 0; turn < 5; turn++)
    for (const partition of [0, 1]) await bench.produce({ records: texts('abc') }, partition)
  const size = batch({ records: texts('abc') }).length
  const counts = async (options: Parameters<LogBench['fetch']>[0]): Promise<number[]> =>
    (await bench.fetch({ offsets: [0, 0], ...options })).map(({ records }) => sizes(records).length)
  expect(await counts({ partitionMaxBytes: size * 2.5 })).toEqual([2, 2])
  expect(await counts({ maxBytes: size * 3 })).toEqual([3, 0])
  expect(await counts({ maxBytes: size * 7 })).toEqual([5, 2])
  expect(await counts({ maxBytes: 1, partitionMaxBytes: 1 })).toEqual([1, 0])
  expect(await counts({ maxBytes: 1, offsets: [5, 4] })).toEqual([0, 1])
})

test('batches across segments come in one piece and in order', async () => {
  const bench = await log()
  const value = 'x'.repeat(10_000)
  for (let index = 0; index < 12; index++) await bench.produce({ records: [{ key: `${index}`, value }] })
  const [fetched] = await bench.fetch()
  expect(sizes(fetched?.records)).toHaveLength(12)
  const [rest] = await bench.fetch({ offset: 7 })
  expect(sizes(rest?.records)).toHaveLength(5)
})

test('offsets outside of the log, topics that are not there', async () => {
  const bench = await log()
  await bench.produce({ records: texts('a') })
  expect((await bench.fetch({ offset: 1 }))[0]).toMatchObject({ errorCode: codes.NONE })
  expect((await bench.fetch({ offset: 2, waitMs: 1000 }))[0]).toMatchObject({ errorCode: codes.OFFSET_OUT_OF_RANGE })
  expect((await bench.fetch({ offsets: [0, 0] }))[1]).toMatchObject({ errorCode: codes.UNKNOWN_TOPIC_OR_PARTITION })
  const topics = [{ topicId: 'f'.repeat(32), partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }]
  const answer = await bench.ask('Fetch', 13, { maxWaitMs: 0, minBytes: 1, topics })
  expect(answer.responses[0]).toMatchObject({
    topicId: 'f'.repeat(32),
    partitions: [{ errorCode: codes.UNKNOWN_TOPIC_ID }],
  })
})

test('a fetch waits: for its time, or for a record', async () => {
  const bench = await log()
  let done = 0
  const waiting = bench.fetch({ waitMs: 500, connection: 'reader' }).finally(() => done++)
  await bench.world.advance(499)
  expect(done).toBe(0)
  await bench.world.advance(1)
  expect((await waiting)[0]?.records).toHaveLength(0)
  const woken = bench.fetch({ waitMs: 500, connection: 'reader' })
  await bench.world.settle()
  await bench.produce({ records: texts('a') })
  expect(sizes((await woken)[0]?.records)).toHaveLength(1)
})

test('a fetch waits for minBytes', async () => {
  const bench = await log()
  const size = batch({ records: texts('a') }).length
  let done = false
  const waiting = bench.fetch({ waitMs: 500, minBytes: size + 1, connection: 'reader' }).finally(() => (done = true))
  await bench.world.settle()
  await bench.produce({ records: texts('a') })
  await bench.world.settle()
  expect(done).toBe(false)
  await bench.produce({ records: texts('b') })
  expect(sizes((await waiting)[0]?.records)).toHaveLength(2)
})

test('read_committed stops at the last stable offset, and a waiting fetch wakes at the commit', async () => {
  const bench = await log()
  const open = await bench.begin('id-0')
  await bench.produce({ records: texts('before') })
  await bench.produce({ ...open, sequence: 0, records: texts('a', 'b') })
  await bench.produce({ records: texts('behind') })
  const [now] = await bench.fetch({ committed: true })
  expect(now).toMatchObject({ highWatermark: 4, lastStableOffset: 1, abortedTransactions: [] })
  expect(sizes(now?.records)).toHaveLength(1)
  expect(sizes((await bench.fetch())[0]?.records)).toHaveLength(3)
  const waiting = bench.fetch({ offset: 1, waitMs: 500, committed: true, connection: 'reader' })
  await bench.world.settle()
  await bench.end(open, true)
  const [later] = await waiting
  expect(later).toMatchObject({ highWatermark: 5, lastStableOffset: 5, abortedTransactions: [] })
  expect(sizes(later?.records)).toHaveLength(3)
})

test('aborted transactions are listed as they ended, and only those of the range', async () => {
  const bench = await log()
  const first = await bench.begin('id-0')
  const second = await bench.begin('id-1')
  await bench.produce({ ...first, sequence: 0, records: texts('a') })
  await bench.produce({ ...second, sequence: 0, records: texts('b') })
  await bench.end(second, false)
  await bench.end(first, false)
  await bench.produce({ records: texts('c') })
  const aborted = async (offset: number, partitionMaxBytes = 1 << 20): Promise<number[] | undefined> =>
    (await bench.fetch({ offset, committed: true, partitionMaxBytes }))[0]?.abortedTransactions?.map(
      each => each.producerId,
    )
  expect(await aborted(0)).toEqual([1, 0])
  expect(await aborted(0, 1)).toEqual([0])
  expect(await aborted(3)).toEqual([0])
  expect(await aborted(4)).toEqual([])
})

test('DeleteRecords moves the start of the log and frees the batches', async () => {
  const bench = await log(1)
  for (let index = 0; index < 10; index++) await bench.produce({ records: texts('a', 'b') })
  const before = async (offset: number): Promise<object> => {
    const partitions = [{ partitionIndex: 0, offset }]
    return (await bench.ask('DeleteRecords', 2, { topics: [{ name: 't', partitions }] })).topics[0].partitions[0]
  }
  expect(await before(7)).toMatchObject({ errorCode: 0, lowWatermark: 7 })
  expect(await before(3)).toMatchObject({ errorCode: 0, lowWatermark: 7 })
  expect(await before(21)).toMatchObject({ errorCode: codes.OFFSET_OUT_OF_RANGE })
  expect(bench.broker.log('t', 0)?.batches.all).toHaveLength(7)
  expect((await bench.fetch({ offset: 6 }))[0]).toMatchObject({ errorCode: codes.OFFSET_OUT_OF_RANGE })
  expect((await bench.fetch({ offset: 7 }))[0]).toMatchObject({ errorCode: 0, logStartOffset: 7 })
  expect(await before(-1)).toMatchObject({ lowWatermark: 20 })
  await bench.topic('compacted', 1, { 'cleanup.policy': 'compact' })
  const topics = [{ name: 'compacted', partitions: [{ partitionIndex: 0, offset: 0 }] }]
  const answer = await bench.ask('DeleteRecords', 2, { topics })
  expect(answer.topics[0].partitions[0].errorCode).toBe(codes.POLICY_VIOLATION)
})

test('a bounded partition loses its oldest batches, but none of an open transaction', async () => {
  const size = batch({ records: texts('a') }).length
  const bench = await log(1, {}, { maxBytesPerPartition: size * 4 })
  for (let index = 0; index < 10; index++) await bench.produce({ records: texts('a') })
  expect(bench.broker.log('t', 0)).toMatchObject({ logStartOffset: 6, endOffset: 10 })
  const open = await bench.begin('id-0')
  for (let sequence = 0; sequence < 6; sequence++) await bench.produce({ ...open, sequence, records: texts('a') })
  expect(bench.broker.log('t', 0)).toMatchObject({ logStartOffset: 10, endOffset: 16 })
})

test('offsets by time', async () => {
  const bench = await log()
  const at = (timestamp: number) => ({ key: 'k', value: 'v', timestamp })
  await bench.produce({ records: [at(100), at(300), at(200)] })
  await bench.produce({ records: [at(400)] })
  const find = async (timestamp: number): Promise<unknown[]> => {
    const partitions = [{ partitionIndex: 0, timestamp }]
    const answer = await bench.ask('ListOffsets', 7, { isolationLevel: 0, topics: [{ name: 't', partitions }] })
    const { errorCode, offset, timestamp: found } = answer.topics[0].partitions[0]
    return [errorCode, offset, found]
  }
  expect(await find(-2)).toEqual([0, 0, -1])
  expect(await find(-1)).toEqual([0, 4, -1])
  expect(await find(-3)).toEqual([0, 3, 400])
  expect(await find(150)).toEqual([0, 1, 300])
  expect(await find(301)).toEqual([0, 3, 400])
  expect(await find(401)).toEqual([0, -1, -1])
})

test('what Produce refuses', async () => {
  const bench = await log(1, { 'max.message.bytes': '200' })
  const send = async (records: Buffer | null, partition = 0): Promise<number> => {
    const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }]
    return (await bench.ask('Produce', 12, { transactionalId: null, topicData })).responses[0].partitionResponses[0]
      .errorCode
  }
  const good = batch({ records: texts('a') })
  expect(await send(good, 1)).toBe(codes.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await send(null)).toBe(codes.INVALID_RECORD)
  expect(await send(good.subarray(0, 40))).toBe(codes.INVALID_RECORD)
  expect(await send(Buffer.concat([good, good]))).toBe(codes.INVALID_RECORD)
  expect(await send(batch({ records: texts('x'.repeat(200)) }))).toBe(codes.MESSAGE_TOO_LARGE)
  expect(bench.broker.log('t', 0)?.endOffset).toBe(0)
})
