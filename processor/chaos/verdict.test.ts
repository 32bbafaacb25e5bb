import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { Harness } from '../testing/harness.ts'
import { readTopic } from '../testing/read-rows.ts'
import { Aborted } from './aborted.ts'
import { percentile } from './judge-run.ts'
import { silentLog, systemWorld } from '../world.ts'
import { outOfOrder, tally } from './verdict.ts'
import { Witness } from './witness.ts'

test('what is missing is lost; what comes again, or that nobody expected, is doubled', () => {
  expect(tally(['a', 'b', 'c'], ['a', 'b', 'c'])).toEqual({ lost: 0, duplicated: 0 })
  expect(tally(['a', 'a', 'a', 'x'], ['a', 'b', 'c'])).toEqual({ lost: 2, duplicated: 3 })
})

test('the order is that of each key', () => {
  const results = [
    { key: 'a', offset: 5 },
    { key: 'b', offset: 1 },
    { key: 'a', offset: 6 },
  ]
  expect(outOfOrder(results)).toBe(0)
  expect(outOfOrder([...results, { key: 'a', offset: 3 }, { key: 'b', offset: 2 }])).toBe(1)
  expect(outOfOrder([...results, { key: 'b', offset: 1 }])).toBe(1)
})

test('percentiles are values that were measured', () => {
  const values = [40, 10, 30, 20]
  expect([0.5, 0.99, 1].map(share => percentile(values, share))).toEqual([20, 40, 40])
  expect(percentile([], 0.5)).toBe(0)
})

const outputs = topic('outputs', text, text)

async function opened(): Promise<Harness> {
  const harness = new Harness()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics([{ name: 'outputs', partitions: 1 }])
  return harness
}

async function witnessed(values: readonly string[]): Promise<{ doubles: readonly string[]; unlike: string[] }> {
  const harness = await opened()
  const witness = await Witness.open(harness.kafka, ['outputs'])
  const produce = (value: string): Promise<void> =>
    harness.produce([{ topic: outputs, key: 'k', value: Buffer.from(value), timestamp: 1 }])
  for (const value of values) await produce(value)
  const ends = [{ topic: 'outputs', partition: 0, offset: values.length }]
  const { rows } = await readTopic(harness.kafka, 'outputs')
  // As if the log had another first record than the one that was seen.
  const changed = rows.map((row, at) => (at === 0 && values.length > 2 ? { ...row, value: Buffer.from('other') } : row))
  const unlike = await witness.finish(new Map([['outputs', changed]]), ends)
  await harness.close()
  return { doubles: witness.doubles, unlike }
}

test('a witness sees that a record came twice, and that the log says something else than it did', async () => {
  expect(await witnessed(['one', 'two'])).toEqual({ doubles: [], unlike: [] })
  expect(await witnessed(['one', 'one'])).toEqual({ doubles: ['outputs 0@1 is a double'], unlike: [] })
  expect(await witnessed(['one', 'two', 'three'])).toEqual({
    doubles: [],
    unlike: ['outputs 0@0 was seen as another while the run went on'],
  })
})

test('aborted records are counted as they come, and what was purged before is passed over', async () => {
  const harness = await opened()
  const { kafka } = harness
  const producer = kafka.producer({ transactionalId: 'tx', transactionTimeoutMs: 10_000 })
  await producer.init()
  const transaction = async (records: number, outcome: 'commit' | 'abort'): Promise<void> => {
    const value = Buffer.from('v')
    for (let left = records; left > 0; left--) {
      producer.buffer('outputs', 0).append(1, null, 0, 0, value, 0, value.length, null, 0, 0)
    }
    await producer.flush()
    await producer.end(outcome)
  }
  await transaction(4, 'abort')
  await kafka.admin().deleteRecords([{ topic: 'outputs', partition: 0, offset: 5 }])
  const aborted = await Aborted.open(kafka, ['outputs'])
  await transaction(2, 'commit')
  await transaction(3, 'abort')
  while (aborted.records < 3) await systemWorld(silentLog).scheduler.sleep(5)
  await transaction(1, 'abort')
  expect(await aborted.finish()).toBe(4)
  await aborted.close()
  await producer.close()
  await harness.close()
})
