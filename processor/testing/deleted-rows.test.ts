import { expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { custom } from '../../topology/custom.ts'
import { count } from '../../topology/counting.ts'
import { topology } from '../../topology/stream.ts'
import { tumbling } from '../../topology/windows.ts'
import { seeded } from '../operators/testing.ts'
import { createTestDriver } from './driver.ts'

// Rows of aggregates that find that nothing is left.

const moves = topic('moves', text, int64)
const out = topic(
  'out',
  text,
  json<any>('any', value => value),
)

/** A balance; at 0 nothing is left. */
const balance = custom({
  init: () => 0,
  add: (sum, value: number) => sum + value,
  merge: (left, right) => left + right,
  isEmpty: sum => sum === 0,
  result: sum => sum,
  state: int64,
})

const byKey = () => {
  const t = topology('app')
  const rows = t.stream(moves).groupByKey().aggregate('rows', { balance })
  rows.changes().to(out as never)
  return { t, rows }
}

test('a row of which nothing is left is deleted, and begins afresh', async () => {
  const { t, rows } = byKey()
  const driver = await createTestDriver(t)
  const input = driver.input(moves)
  input.pipe('a', 5, 10)
  input.pipe('a', -5, 3)
  expect(driver.store(rows).entries()).toEqual([])
  input.pipe('a', 7, 2)
  expect(driver.output(out).readAll()).toMatchObject([
    { value: { balance: 5 }, timestamp: 10 },
    { value: null, timestamp: 10 },
    { value: { balance: 7 }, timestamp: 2 },
  ])
})

test('a field that cannot be empty keeps the row', async () => {
  const t = topology('app')
  const rows = t.stream(moves).groupByKey().aggregate('rows', { balance, n: count<number>() })
  rows.changes().to(out)
  const driver = await createTestDriver(t)
  driver.input(moves).pipe('a', 5, 1)
  driver.input(moves).pipe('a', -5, 2)
  expect(driver.store(rows).entries()).toEqual([['a', { balance: 0, n: 2 }]])
})

test('of a window it is told by its span, and its final result is none', async () => {
  const t = topology('app')
  const windows = (name: string) => t.stream(moves).groupByKey().window(tumbling(10)).aggregate(name, { balance })
  windows('changing').changes().to(out)
  windows('closing')
    .final()
    .map(row => ({ final: row }))
    .to(out)
  const driver = await createTestDriver(t)
  const input = driver.input(moves)
  input.pipe('a', 5, 1)
  input.pipe('b', 1, 2)
  input.pipe('a', -5, 3)
  input.pipe('c', 0, 10)
  expect(driver.output(out).readKeyValues()).toEqual([
    ['a', { balance: 5, startMs: 0, endMs: 10 }],
    ['b', { balance: 1, startMs: 0, endMs: 10 }],
    ['a', { deleted: true, startMs: 0, endMs: 10 }],
    ['c', { deleted: true, startMs: 10, endMs: 20 }],
    ['b', { final: { balance: 1, startMs: 0, endMs: 10 } }],
  ])
})

test('recomputed from scratch, and restarted after every record', async () => {
  const random = seeded(3)
  const script = Array.from({ length: 200 }, (_, i) => ({
    key: `k${Math.floor(random() * 4)}`,
    value: Math.floor(random() * 5) - 2,
    timestamp: Math.max(0, i - Math.floor(random() * 5)),
  }))
  const expected: [string, { balance: number } | null][] = []
  for (const [index, { key }] of script.entries()) {
    const sum = script.slice(0, index + 1).reduce((all, move) => (move.key === key ? all + move.value : all), 0)
    expected.push([key, sum === 0 ? null : { balance: sum }])
  }
  for (const restarts of [false, true]) {
    const driver = await createTestDriver(byKey().t, { partitions: 1 })
    for (const { key, value, timestamp } of script) {
      driver.input(moves).pipe(key, value, timestamp)
      if (restarts) driver.restart()
    }
    expect(driver.output(out).readKeyValues()).toEqual(expected)
  }
})
