import { expect, test } from 'vitest'
import { codes } from './codes.ts'
import { batch, Bench, texts } from './testing.ts'

// The tables of the transaction protocol as measured on Kafka 4.3.1 (docs: transaction version 2, and 1 where named).

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

class TransactionBench extends Bench {
  static async create(defaults: ConstructorParameters<typeof Bench>[0] = {}): Promise<TransactionBench> {
    const bench = new TransactionBench(defaults)
    await bench.topic('out', 2)
    return bench
  }

  async init(identity: Identity = { producerId: -1, producerEpoch: -1 }): Promise<Identity & { errorCode: number }> {
    return this.ask('InitProducerId', 5, { transactionalId: 'app', transactionTimeoutMs: 30_000, ...identity })
  }

  async produce(
    { producerId, producerEpoch }: Identity,
    { sequence = 0, version = 12, partition = 0 }: { sequence?: number; version?: number; partition?: number } = {},
  ): Promise<{ errorCode: number; baseOffset: number }> {
    const records = batch({ producerId, epoch: producerEpoch, sequence, transactional: true, records: texts('a') })
    const topicData = [{ name: 'out', partitionData: [{ index: partition, records }] }]
    const answer = await this.ask('Produce', version, { transactionalId: 'app', acks: -1, timeoutMs: 1000, topicData })
    return answer.responses[0].partitionResponses[0]
  }

  async end(
    { producerId, producerEpoch }: Identity,
    committed: boolean,
    version = 5,
  ): Promise<Identity & { errorCode: number }> {
    return this.ask('EndTxn', version, { transactionalId: 'app', producerId, producerEpoch, committed })
  }

  async add({ producerId, producerEpoch }: Identity, partition = 0): Promise<number> {
    const answer = await this.ask('AddPartitionsToTxn', 3, {
      v3AndBelowTransactionalId: 'app',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'out', partitions: [partition] }],
    })
    return answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
  }

  async addOffsets({ producerId, producerEpoch }: Identity): Promise<number> {
    const body = { transactionalId: 'app', producerId, producerEpoch, groupId: 'group' }
    return (await this.ask('AddOffsetsToTxn', 3, body)).errorCode
  }

  async offsets({ producerId, producerEpoch }: Identity, offset = 1, version = 5, generationId = -1): Promise<number> {
    const partitions = [
      { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null },
    ]
    const answer = await this.ask('TxnOffsetCommit', version, {
      transactionalId: 'app',
      groupId: 'group',
      producerId,
      producerEpoch,
      generationId,
      memberId: '',
      groupInstanceId: null,
      topics: [{ name: 'out', partitions }],
    })
    return answer.topics[0].partitions[0].errorCode
  }

  async committed(requireStable = true): Promise<{ errorCode: number; committedOffset: number }> {
    const groups = [{ groupId: 'group', topics: [{ name: 'out', partitionIndexes: [0] }] }]
    return (await this.ask('OffsetFetch', 8, { groups, requireStable })).groups[0].topics[0].partitions[0]
  }

  state(): string | null {
    return this.broker.requests.transactions.state('app')
  }
}

test('the flow of version 2: each end bumps the epoch, and sequences begin at 0 again', async () => {
  const bench = await TransactionBench.create()
  let identity = await bench.init()
  expect(identity).toMatchObject({ errorCode: codes.NONE, producerId: 0, producerEpoch: 0 })
  for (const [turn, committed] of [true, false, true].entries()) {
    expect(await bench.produce(identity)).toMatchObject({ errorCode: codes.NONE, baseOffset: turn * 3 })
    expect(await bench.produce(identity, { sequence: 1 })).toMatchObject({ errorCode: codes.NONE })
    expect(await bench.offsets(identity, turn)).toBe(codes.NONE)
    const ended = await bench.end(identity, committed)
    expect(ended).toMatchObject({ errorCode: codes.NONE, producerId: 0, producerEpoch: turn + 1 })
    identity = ended
  }
  expect(await bench.committed()).toMatchObject({ committedOffset: 2 })
  expect(bench.broker.log('out', 0)?.abortedTransactions).toEqual([{ producerId: 0, firstOffset: 3, lastOffset: 5 }])
})

test('the flow of version 1: partitions are added, the epoch stays, sequences go on', async () => {
  const bench = await TransactionBench.create({ transactionVersion: 1 })
  const identity = await bench.init()
  for (const sequence of [0, 1]) {
    expect(await bench.add(identity)).toBe(codes.NONE)
    expect(await bench.produce(identity, { version: 11, sequence })).toMatchObject({ errorCode: codes.NONE })
    expect(await bench.addOffsets(identity)).toBe(codes.NONE)
    expect(await bench.offsets(identity, sequence, 3)).toBe(codes.NONE)
    expect(await bench.end(identity, true, 3)).toMatchObject({ errorCode: codes.NONE })
  }
  expect(await bench.committed()).toMatchObject({ committedOffset: 1 })
})

test('Produce v11 without AddPartitionsToTxn is refused in both versions, and writes nothing', async () => {
  for (const transactionVersion of [1, 2] as const) {
    const bench = await TransactionBench.create({ transactionVersion })
    const answer = await bench.produce(await bench.init(), { version: 11 })
    expect(answer.errorCode).toBe(codes.TRANSACTION_ABORTABLE)
    expect(bench.broker.log('out', 0)?.endOffset).toBe(0)
  }
})

test('the end of an empty transaction: only an abort of version 2 is taken, and bumps the epoch', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  expect(await bench.end(identity, true, 3)).toMatchObject({ errorCode: codes.INVALID_TXN_STATE })
  expect(await bench.end(identity, false, 3)).toMatchObject({ errorCode: codes.INVALID_TXN_STATE })
  expect(await bench.end(identity, true)).toMatchObject({ errorCode: codes.INVALID_TXN_STATE })
  expect(await bench.end(identity, false)).toMatchObject({ errorCode: codes.NONE, producerEpoch: 1 })
})

test.each([
  { open: false, bumps: 1 },
  { open: true, bumps: 2 },
])('a zombie after a second InitProducerId: $open', async ({ open, bumps }) => {
  const bench = await TransactionBench.create()
  const zombie = await bench.init()
  if (open) {
    await bench.produce(zombie)
    // The first call aborts what is open; its caller comes again.
    expect(await bench.init()).toMatchObject({ errorCode: codes.CONCURRENT_TRANSACTIONS, producerId: -1 })
    expect(bench.state()).toBe('CompleteAbort')
  }
  const owner = await bench.init()
  expect(owner).toMatchObject({ errorCode: codes.NONE, producerId: zombie.producerId, producerEpoch: bumps })
  expect(await bench.produce(zombie, { sequence: 1 })).toMatchObject({ errorCode: codes.INVALID_PRODUCER_EPOCH })
  expect(await bench.produce(zombie, { partition: 1 })).toMatchObject({ errorCode: codes.INVALID_PRODUCER_EPOCH })
  expect(await bench.add(zombie)).toBe(codes.PRODUCER_FENCED)
  expect(await bench.addOffsets(zombie)).toBe(codes.PRODUCER_FENCED)
  expect(await bench.offsets(zombie)).toBe(codes.INVALID_PRODUCER_EPOCH)
  expect(await bench.offsets(zombie, 1, 3)).toBe(codes.INVALID_PRODUCER_EPOCH)
  for (const version of [3, 5]) {
    expect(await bench.end(zombie, true, version)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
    expect(await bench.end(zombie, false, version)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  }
  expect(await bench.init(zombie)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(await bench.produce(owner)).toMatchObject({ errorCode: codes.NONE })
})

test('the broker times a transaction out: version 2 may go on with an abort', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  await bench.produce(identity)
  await bench.world.advance(29_999)
  expect(bench.state()).toBe('Ongoing')
  await bench.world.advance(1)
  expect(bench.state()).toBe('CompleteAbort')
  expect(await bench.produce(identity, { sequence: 1 })).toMatchObject({ errorCode: codes.INVALID_PRODUCER_EPOCH })
  expect(await bench.offsets(identity)).toBe(codes.INVALID_PRODUCER_EPOCH)
  expect(await bench.end(identity, true)).toMatchObject({ errorCode: codes.INVALID_TXN_STATE })
  expect(await bench.end(identity, false)).toMatchObject({ errorCode: codes.NONE, producerId: 0, producerEpoch: 1 })
  // KIP-360: coming back with the own epoch is a retry of the bump.
  expect(await bench.init(identity)).toMatchObject({ errorCode: codes.NONE, producerEpoch: 1 })
  expect(await bench.init()).toMatchObject({ errorCode: codes.NONE, producerEpoch: 2 })
})

test('the broker times a transaction out: version 1 is fenced', async () => {
  const bench = await TransactionBench.create({ transactionVersion: 1 })
  const identity = await bench.init()
  await bench.add(identity)
  await bench.produce(identity, { version: 11 })
  await bench.world.advance(30_000)
  expect(await bench.produce(identity, { version: 11, sequence: 1 })).toMatchObject({
    errorCode: codes.INVALID_PRODUCER_EPOCH,
  })
  expect(await bench.add(identity)).toBe(codes.PRODUCER_FENCED)
  expect(await bench.end(identity, true, 3)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(await bench.end(identity, false, 3)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(await bench.init(identity)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(await bench.init()).toMatchObject({ errorCode: codes.NONE, producerEpoch: 2 })
})

test.each([3, 5])(
  'EndTxn v%i sent again: concurrent while markers are under way, then the same answer',
  async version => {
    const bench = await TransactionBench.create({ markerDelayMs: 10 })
    const identity = await bench.init()
    await bench.add(identity)
    await bench.produce(identity, { version: version === 5 ? 12 : 11 })
    const ended = await bench.end(identity, true, version)
    expect(ended.errorCode).toBe(codes.NONE)
    expect(bench.state()).toBe('PrepareCommit')
    expect(await bench.end(identity, true, version)).toMatchObject({ errorCode: codes.CONCURRENT_TRANSACTIONS })
    const next = version === 5 ? ended : identity
    expect(await bench.add(next)).toBe(codes.CONCURRENT_TRANSACTIONS)
    expect(await bench.init()).toMatchObject({ errorCode: codes.CONCURRENT_TRANSACTIONS })
    await bench.world.advance(10)
    expect(bench.state()).toBe('CompleteCommit')
    expect(await bench.end(identity, true, version)).toEqual(ended)
    expect(await bench.end(identity, false, version)).toMatchObject({ errorCode: codes.INVALID_TXN_STATE })
  },
)

test('markers come one by one, the last when the delay is over', async () => {
  const bench = await TransactionBench.create({ markerDelayMs: 100 })
  const identity = await bench.init()
  await bench.produce(identity, { partition: 0 })
  await bench.produce(identity, { partition: 1 })
  await bench.end(identity, true)
  const logs = [0, 1].map(partition => bench.broker.log('out', partition)!)
  const marked = (): number => logs.filter(log => log.lastStableOffset === log.endOffset).length
  const seen = new Set<number>()
  for (let ms = 0; ms < 100; ms++) {
    seen.add(marked())
    expect(bench.state()).toBe('PrepareCommit')
    await bench.world.advance(1)
  }
  expect([...seen]).toContain(1)
  expect(marked()).toBe(2)
  expect(bench.state()).toBe('CompleteCommit')
  // One marker each.
  expect(logs.map(log => log.endOffset)).toEqual([2, 2])
})

test('Produce v12 hears CONCURRENT_TRANSACTIONS while markers are under way; the same bytes go through later', async () => {
  const bench = await TransactionBench.create({ markerDelayMs: 10 })
  const identity = await bench.init()
  await bench.produce(identity)
  const next = await bench.end(identity, true)
  expect(await bench.produce(next)).toMatchObject({ errorCode: codes.CONCURRENT_TRANSACTIONS })
  await bench.world.advance(10)
  expect(await bench.produce(next)).toMatchObject({ errorCode: codes.NONE, baseOffset: 2 })
})

test('a delayed EndTxn of transaction n does not touch transaction n + 1', async () => {
  const bench = await TransactionBench.create()
  const first = await bench.init()
  await bench.produce(first)
  const second = await bench.end(first, true)
  await bench.produce(second)
  expect(await bench.end(first, false)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(await bench.end(first, true)).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
  expect(bench.state()).toBe('Ongoing')
})

test('used-up epochs: the answer of EndTxn brings a new producer id, also when it is sent again', async () => {
  const bench = await TransactionBench.create()
  const first = await bench.init()
  bench.broker.requests.transactions.setEpoch('app', 32_766)
  const last = { ...first, producerEpoch: 32_766 }
  expect(await bench.produce(last)).toMatchObject({ errorCode: codes.NONE })
  const ended = await bench.end(last, true)
  expect(ended).toMatchObject({ errorCode: codes.NONE, producerId: 1, producerEpoch: 0 })
  expect(await bench.end(last, true)).toEqual(ended)
  expect(await bench.produce(ended)).toMatchObject({ errorCode: codes.NONE })
  expect(await bench.end(ended, true)).toMatchObject({ producerId: 1, producerEpoch: 1 })
  // Where it wrote, the partition knows its last epoch; elsewhere the coordinator is asked.
  expect(await bench.produce(last)).toMatchObject({ errorCode: codes.INVALID_PRODUCER_EPOCH })
  expect(await bench.produce(last, { partition: 1 })).toMatchObject({ errorCode: codes.INVALID_PRODUCER_ID_MAPPING })
})

test('used-up epochs: InitProducerId brings a new producer id', async () => {
  const bench = await TransactionBench.create()
  const first = await bench.init()
  bench.broker.requests.transactions.setEpoch('app', 32_766)
  expect(await bench.init()).toMatchObject({ producerId: 1, producerEpoch: 0 })
  expect(await bench.init({ ...first, producerEpoch: 5 })).toMatchObject({ errorCode: codes.PRODUCER_FENCED })
})

test('what InitProducerId refuses', async () => {
  const bench = await TransactionBench.create()
  const ask = async (body: object): Promise<number> =>
    (
      await bench.ask('InitProducerId', 5, {
        transactionalId: 'x',
        transactionTimeoutMs: 1000,
        producerId: -1,
        producerEpoch: -1,
        ...body,
      })
    ).errorCode
  expect(await ask({ transactionalId: '' })).toBe(codes.INVALID_REQUEST)
  expect(await ask({ producerId: 4 })).toBe(codes.INVALID_REQUEST)
  expect(await ask({ transactionTimeoutMs: 900_001 })).toBe(codes.INVALID_TRANSACTION_TIMEOUT)
  // The first call for an id may carry anything: its metadata were just made.
  expect(await ask({ producerId: 0, producerEpoch: 0 })).toBe(codes.NONE)
  expect(await ask({ producerId: 77, producerEpoch: 0 })).toBe(codes.PRODUCER_FENCED)
  const plain = await bench.ask('InitProducerId', 5, { transactionalId: null, transactionTimeoutMs: 0 })
  expect(plain).toMatchObject({ errorCode: codes.NONE, producerEpoch: 0 })
})

test('an unknown transactional id has no mapping', async () => {
  const bench = await TransactionBench.create()
  const nobody = { producerId: 9, producerEpoch: 0 }
  expect(await bench.end(nobody, true)).toMatchObject({ errorCode: codes.INVALID_PRODUCER_ID_MAPPING })
  expect(await bench.produce(nobody)).toMatchObject({ errorCode: codes.INVALID_PRODUCER_ID_MAPPING })
})

test('sequences: a duplicate is answered with its offset, a gap and a future epoch are refused', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  expect(await bench.produce(identity, { sequence: 1 })).toMatchObject({
    errorCode: codes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  })
  for (let sequence = 0; sequence < 7; sequence++) {
    expect(await bench.produce(identity, { sequence })).toMatchObject({ errorCode: codes.NONE, baseOffset: sequence })
  }
  expect(await bench.produce(identity, { sequence: 2 })).toMatchObject({ errorCode: codes.NONE, baseOffset: 2 })
  // Only the last five are known.
  expect(await bench.produce(identity, { sequence: 1 })).toMatchObject({
    errorCode: codes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  })
  expect(await bench.produce(identity, { sequence: 8 })).toMatchObject({
    errorCode: codes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  })
  const future = { ...identity, producerEpoch: 9 }
  expect(await bench.produce(future)).toMatchObject({ errorCode: codes.INVALID_PRODUCER_EPOCH })
  expect(bench.broker.log('out', 0)?.endOffset).toBe(7)
})

test('sequences wrap at 2^31, between batches and within one', async () => {
  const bench = await TransactionBench.create()
  const produce = async (producerId: number, sequence: number, ...values: string[]): Promise<number> => {
    const records = batch({ producerId, epoch: 0, sequence, records: texts(...values) })
    const topicData = [{ name: 'out', partitionData: [{ index: 0, records }] }]
    const answer = await bench.ask('Produce', 12, { transactionalId: null, topicData })
    return answer.responses[0].partitionResponses[0].errorCode
  }
  // Nothing is known of these producers, so any sequence is taken, as after their records were deleted.
  expect(await produce(7, 2_147_483_645, 'a', 'b', 'c')).toBe(codes.NONE)
  expect(await produce(7, 0, 'd')).toBe(codes.NONE)
  expect(await produce(8, 2_147_483_646, 'a', 'b', 'c')).toBe(codes.NONE)
  expect(await produce(8, 0, 'd')).toBe(codes.OUT_OF_ORDER_SEQUENCE_NUMBER)
  expect(await produce(8, 1, 'd')).toBe(codes.NONE)
})

test('offsets in a transaction: unstable until it ends, dropped by an abort, left out of the list of all', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  await bench.offsets(identity, 5)
  expect(await bench.committed()).toMatchObject({ errorCode: codes.UNSTABLE_OFFSET_COMMIT, committedOffset: -1 })
  expect(await bench.committed(false)).toMatchObject({ errorCode: codes.NONE, committedOffset: -1 })
  const all = await bench.ask('OffsetFetch', 8, { groups: [{ groupId: 'group', topics: null }], requireStable: true })
  expect(all.groups[0].topics).toEqual([])
  const next = await bench.end(identity, true)
  expect(await bench.committed()).toMatchObject({ errorCode: codes.NONE, committedOffset: 5 })
  await bench.offsets(next, 9)
  expect(await bench.committed()).toMatchObject({ errorCode: codes.UNSTABLE_OFFSET_COMMIT })
  await bench.end(next, false)
  expect(await bench.committed()).toMatchObject({ errorCode: codes.NONE, committedOffset: 5 })
})

test('after a wrong generation the transaction can still be aborted', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  await bench.produce(identity)
  expect(await bench.offsets(identity, 1, 5, 3)).toBe(codes.ILLEGAL_GENERATION)
  expect(await bench.end(identity, false)).toMatchObject({ errorCode: codes.NONE })
})

test('TxnOffsetCommit v4 without AddOffsetsToTxn is refused', async () => {
  const bench = await TransactionBench.create()
  const identity = await bench.init()
  expect(await bench.offsets(identity, 1, 4)).toBe(codes.TRANSACTION_ABORTABLE)
})
