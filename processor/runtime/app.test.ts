import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { prior, over } from '../../topology/aggregates.ts'
import { count, sum } from '../../topology/counting.ts'
import { topology } from '../../topology/stream.ts'
import { hopping, tumbling } from '../../topology/windows.ts'
import { json } from '../../schemas/serdes.ts'
import { Harness, type Input } from '../testing/harness.ts'

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const counts = topic('counts', text, any)

test('counts by key, exactly once, on the embedded broker', async () => {
  const t = topology('counting')
  t.stream(payments)
    .groupByKey()
    .aggregate('totals', { n: count(), total: sum(value => value) })
    .changes()
    .to(counts)
  const harness = new Harness()
  await harness.createTopics(t, 2)
  const inputs: Input[] = Array.from({ length: 1000 }, (_, i) => ({
    topic: payments,
    key: `k${i % 7}`,
    value: i,
    timestamp: i,
  }))
  await harness.produce(inputs, [payments])
  await harness.run(t)
  const out = await harness.read(counts)
  expect(out.length).toBe(1000)
  const last = new Map(out.map(record => [record.key, record.value]))
  for (let k = 0; k < 7; k++) {
    const own = inputs.filter(input => input.key === `k${k}`)
    expect(last.get(`k${k}`)).toEqual({
      n: own.length,
      total: own.reduce((s, input) => s + (input.value as number), 0),
    })
  }
  await harness.close()
})

test('windows behind a repartition topic, with and without combining, give one final result each', async () => {
  for (const combine of [false, true]) {
    const t = topology('windows')
    t.stream(payments)
      .groupBy(value => `g${value % 3}`, text, int64)
      .window(hopping('10ms', { every: '5ms', grace: '20ms' }))
      .aggregate('perGroup', { n: count(), total: sum(value => value) }, { combine })
      .final()
      .to(counts)
    const harness = new Harness()
    await harness.createTopics(t, 3)
    const inputs: Input[] = Array.from({ length: 3000 }, (_, i) => ({
      topic: payments,
      key: `k${i % 11}`,
      value: i,
      timestamp: i,
    }))
    await harness.produce(inputs, [payments])
    await harness.run(t)
    const out = await harness.read(counts)
    const expected = new Map<string, { n: number; total: number }>()
    for (const { value, timestamp } of inputs as { value: number; timestamp: number }[]) {
      for (let start = Math.floor(Math.max(0, timestamp - 5) / 5) * 5; start <= timestamp; start += 5) {
        if (timestamp >= start + 10) continue
        const id = `g${value % 3}@${start}`
        const row = expected.get(id) ?? { n: 0, total: 0 }
        row.n++
        row.total += value
        expected.set(id, row)
      }
    }
    expect(out.length).toBe(expected.size)
    for (const { key, value } of out) {
      expect({ n: value.n, total: value.total }).toEqual(expected.get(`${String(key)}@${value.startMs}`))
      expect(value.endMs).toBe(value.startMs + 10)
    }
    await harness.close()
  }
})

test('trailing spans over one event store', async () => {
  const t = topology('trailing')
  t.stream(payments)
    .groupByKey()
    .trailing(
      'history',
      {
        grace: '1s',
        event: int64,
      },
      {
        n: over('50ms', count()),
        before: prior(
          '100ms',
          sum(value => value),
        ),
      },
    )
    .changes()
    .map(({ n, before, event }) => ({ n, before, event }))
    .to(counts)
  const harness = new Harness()
  await harness.createTopics(t, 2)
  const inputs: Input[] = Array.from({ length: 500 }, (_, i) => ({
    topic: payments,
    key: `k${i % 5}`,
    value: i,
    timestamp: i * 3 + (i % 13 === 0 ? -40 : 0) + 50,
  }))
  await harness.produce(inputs, [payments])
  await harness.run(t)
  const out = await harness.read(counts)
  expect(out.length).toBe(500)
  for (const { key, value } of out) {
    const own = (inputs as { key: string; value: number; timestamp: number }[]).filter(input => input.key === key)
    const at = own.findIndex(input => input.value === value.event)
    const { timestamp } = own[at]!
    const earlier = own.slice(0, at)
    const within = (span: number) => earlier.filter(e => e.timestamp >= timestamp - span && e.timestamp <= timestamp)
    expect(value.n).toBe(within(50).length + 1)
    expect(value.before).toBe(within(100).reduce((s, e) => s + e.value, 0))
  }
  await harness.close()
})

test('tumbling changes', async () => {
  const t = topology('changes')
  t.stream(payments).groupByKey().window(tumbling('10ms')).aggregate('w', { n: count() }).changes().to(counts)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(
    [0, 5, 9, 12, 3, 25].map(timestamp => ({ topic: payments, key: 'a', value: 1, timestamp })),
    [payments],
  )
  await harness.run(t)
  const out = await harness.read(counts)
  expect(out.map(({ value }) => [value.startMs, value.n])).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
    [10, 1],
    [20, 1],
  ])
  await harness.close()
})
