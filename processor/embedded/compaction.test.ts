import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../kafka/native/crc.ts'
import { at } from '../kafka/native/batch-format.ts'
import { codes } from './codes.ts'
import { compact } from './compaction.ts'
import { PartitionLog } from './log.ts'
import { recordsOf } from './records.ts'
import { batch, Bench, type TestRecord } from './testing.ts'

const append = { maxBatchBytes: 1 << 20, strict: false, admit: () => codes.NONE }
const now = { nowMs: 1000, deleteRetentionMs: 100 }

type Row = readonly [offset: number, key: string, value: string | null]

/** What a read_committed reader sees. */
function visible(log: PartitionLog): Row[] {
  return log.batches.all.flatMap(each => {
    const aborted = log.abortedTransactions.some(
      ({ producerId, firstOffset, lastOffset }) =>
        each.transactional &&
        each.producerId === producerId &&
        each.baseOffset >= firstOffset &&
        each.baseOffset < lastOffset,
    )
    if (each.control || aborted || each.baseOffset >= log.lastStableOffset) return []
    return recordsOf(each).map(({ offset, key, value }): Row => [
      offset,
      String(key),
      value === null ? null : String(value),
    ])
  })
}

function fold(rows: readonly Row[]): ReadonlyMap<string, string> {
  const state = new Map<string, string>()
  for (const [, key, value] of rows) {
    if (value === null) state.delete(key)
    else state.set(key, value)
  }
  return state
}

const record = (key: string, value: string | null): TestRecord => ({ key, value })

test('keeps the last value of each key at its offset, and the last batch as it is', () => {
  const log = new PartitionLog('t', 0)
  log.append(batch({ records: [record('a', '1'), record('b', '1'), record('a', '2')] }), append)
  log.append(batch({ records: [record('a', '3'), record('c', '1')] }), append)
  log.append(batch({ records: [record('c', '2'), record('c', '3')] }), append)
  compact(log, now)
  expect(visible(log)).toEqual([
    [1, 'b', '1'],
    [3, 'a', '3'],
    [4, 'c', '1'],
    [5, 'c', '2'],
    [6, 'c', '3'],
  ])
  expect(log.endOffset).toBe(7)
  for (const { bytes, start, end, baseOffset, lastOffset } of log.batches.all) {
    expect(bytes.readUInt32BE(start + at.crc)).toBe(crc32c(bytes, start + at.attributes, end))
    expect(bytes.readInt32BE(start + at.batchLength)).toBe(end - start - 12)
    expect(bytes.readInt32BE(start + at.lastOffsetDelta)).toBe(lastOffset - baseOffset)
  }
  // A reader in a gap goes on with what follows it.
  expect(log.read(2, 'read_committed', 1 << 20, true).records.length).toBeGreaterThan(0)
})

test('tombstones stay for their time after they were first compacted, then go', () => {
  const log = new PartitionLog('t', 0)
  log.append(batch({ records: [record('a', '1'), record('a', null)] }), append)
  log.append(batch({ records: [record('z', '1')] }), append)
  for (const [nowMs, expected] of [
    [1000, 2],
    [1099, 2],
    [1100, 1],
  ] as const) {
    compact(log, { nowMs, deleteRetentionMs: 100 })
    expect(visible(log)).toHaveLength(expected)
  }
})

test('records of aborted transactions go and do not count as the last of a key; open ones are not touched', () => {
  const log = new PartitionLog('t', 0)
  const write = (producerId: number, sequence: number, ...records: TestRecord[]): void => {
    log.append(batch({ producerId, epoch: 0, sequence, transactional: true, records }), append)
  }
  log.append(batch({ records: [record('a', '1')] }), append)
  write(1, 0, record('a', 'aborted'))
  log.mark(1, 1, false, 0)
  write(2, 0, record('b', 'committed'))
  log.mark(2, 1, true, 0)
  write(3, 0, record('a', 'open'))
  log.append(batch({ records: [record('z', '1')] }), append)
  compact(log, now)
  compact(log, { ...now, nowMs: 2000 })
  expect(log.batches.all.map(({ baseOffset }) => baseOffset)).toEqual([0, 3, 4, 5, 6])
  expect(log.abortedTransactions).toEqual([])
  log.mark(3, 1, true, 0)
  compact(log, { ...now, nowMs: 3000 })
  expect(visible(log)).toEqual([
    [3, 'b', 'committed'],
    [5, 'a', 'open'],
    [6, 'z', '1'],
  ])
})

test('markers stay for their time and as long as something of their transaction is there, then go', () => {
  const log = new PartitionLog('t', 0)
  const markers = (): number => log.batches.all.filter(({ control }) => control).length
  const write = (key: string, producer: object = {}): void => {
    log.append(batch({ records: [record(key, '1')], ...producer }), append)
  }
  write('a', { producerId: 1, epoch: 0, sequence: 0, transactional: true })
  log.mark(1, 1, true, 0)
  write('z')
  compact(log, now)
  compact(log, { ...now, nowMs: 1100 })
  expect(markers()).toBe(1)
  write('a')
  write('z')
  compact(log, { ...now, nowMs: 1200 })
  expect(log.batches.all[0]?.control).toBe(true)
  compact(log, { ...now, nowMs: 1300 })
  expect(markers()).toBe(0)
})

type Step = { readonly producer: number; readonly keys: readonly number[] } | 'commit' | 'abort' | 'compact'

test('the fold of the compacted log is the fold of the full log, whatever was written, ended and compacted', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        producer: fc.integer({ min: 0, max: 3 }),
        keys: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>('commit', 'abort', 'compact') },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const [full, compacted] = [new PartitionLog('t', 0), new PartitionLog('t', 0)]
      let [value, time] = [0, 0]
      const producers = [1, 2, 3].map(id => ({ id, epoch: 0, sequence: 0, open: false }))
      for (const each of steps) {
        if (each === 'compact') compact(compacted, { nowMs: (time += 60), deleteRetentionMs: 100 })
        else if (typeof each === 'string') {
          const producer = producers.find(({ open }) => open)
          if (producer === undefined) continue
          for (const log of [full, compacted]) log.mark(producer.id, producer.epoch + 1, each === 'commit', time)
          Object.assign(producer, { epoch: producer.epoch + 1, sequence: 0, open: false })
        } else {
          // Every fifth value deletes.
          const records = each.keys.map(key => record(`k${key}`, ++value % 5 === 0 ? null : `v${value}`))
          const producer = producers[each.producer - 1]
          const identity =
            producer === undefined
              ? {}
              : {
                  producerId: producer.id,
                  epoch: producer.epoch,
                  sequence: producer.sequence,
                  transactional: true,
                }
          for (const log of [full, compacted])
            expect(log.append(batch({ ...identity, records }), append).errorCode).toBe(0)
          if (producer !== undefined)
            Object.assign(producer, { open: true, sequence: producer.sequence + records.length })
        }
        const [rows, left] = [visible(full), visible(compacted)]
        expect(fold(left)).toEqual(fold(rows))
        const all = new Map(rows.map(row => [row[0], row]))
        for (const row of left) expect(row).toEqual(all.get(row[0]))
        expect([compacted.endOffset, compacted.lastStableOffset]).toEqual([full.endOffset, full.lastStableOffset])
      }
    }),
    { numRuns: 150, seed: 3 },
  )
})

test('a compacted topic that grows is compacted by itself', async () => {
  const bench = new Bench({ compactionBytes: 10_000 })
  await bench.topic('c', 1, { 'cleanup.policy': 'compact' })
  for (let turn = 0; turn < 200; turn++) {
    const records = batch({ records: [record('same', 'x'.repeat(100))] })
    const topicData = [{ name: 'c', partitionData: [{ index: 0, records }] }]
    await bench.ask('Produce', 12, { transactionalId: null, topicData })
    await bench.world.advance(0)
  }
  expect(bench.broker.log('c', 0)?.endOffset).toBe(200)
  expect(bench.broker.log('c', 0)?.batches.sizeBytes).toBeLessThan(12_000)
})
