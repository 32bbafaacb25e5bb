import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { Harness } from '../testing/harness.ts'
import { readTopic } from '../testing/read-rows.ts'
import { percentile } from './judge-run.ts'
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

async function witnessed(values: readonly string[]): Promise<{ doubles: readonly string[]; unlike: string[] }> {
  const harness = new Harness()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics([{ name: 'outputs', partitions: 1 }])
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
