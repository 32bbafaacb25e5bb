import { describe as group, expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import { describe } from '../../topology/describe.ts'
import { topology } from '../../topology/stream.ts'
import { seeded } from '../operators/testing.ts'
import { createTestDriver, type TestDriverOptions } from './driver.ts'

// Functions on tables and joins of them.

const left = topic('left', text, text)
const right = topic('right', text, text)
const out = topic('out', text, text)

/** Records as `topic key=value@time`, and what came of each. */
async function play(build: (t: ReturnType<typeof topology>) => void, lines: readonly string[]) {
  const t = topology('app')
  build(t)
  const driver = await createTestDriver(t)
  return lines.map(line => {
    const [, name, key, value, timestamp] = /^(\w+) (\w+)=(\w+)@(\d+)$/.exec(line)!
    driver.input(topic(name!, text, text)).pipe(key!, value === 'null' ? null : value!, Number(timestamp))
    return driver
      .output(out)
      .readAll()
      .map(row => `${row.key}=${row.value}@${row.timestamp}`)
      .join(' ')
  })
}

const isLong = (row: string): boolean => row.length > 1

test('a filter takes rows away; what never was there is deleted again and again, unless the table is stored', async () => {
  const lines = ['left a=xx@1', 'left a=y@2', 'left a=z@3', 'left a=null@4', 'left a=ww@0']
  expect(
    await play(
      t =>
        t
          .table(left)
          .filter(isLong)
          .changes()
          .to(out as never),
      lines,
    ),
  ).toEqual(['a=xx@1', 'a=null@2', 'a=null@3', 'a=null@4', 'a=ww@0'])
  const stored = await play(
    t =>
      t
        .table(left, { stored: true })
        .filter(isLong)
        .changes()
        .to(out as never),
    lines,
  )
  expect(stored).toEqual(['a=xx@1', 'a=null@2', '', '', 'a=ww@0'])
})

test('a map gives other rows, null for none', async () => {
  const lines = ['left a=xx@1', 'left a=y@2', 'left a=null@3']
  const rows = await play(
    t =>
      t
        .table(left)
        .map(row => (isLong(row) ? `${row}!` : null))
        .changes()
        .to(out as never),
    lines,
  )
  expect(rows).toEqual(['a=xx!@1', 'a=null@2', 'a=null@3'])
})

const lines = [
  'left a=1@10',
  'right a=2@5',
  'left a=3@3',
  'right a=null@20',
  'left a=null@7',
  'left a=null@8',
  'right b=4@1',
]

test.each([
  ['join', ['', 'a=1-2@10', 'a=3-2@5', 'a=null@20', '', '', '']],
  ['leftJoin', ['a=1-undefined@10', 'a=1-2@10', 'a=3-2@5', 'a=3-undefined@20', 'a=null@7', '', '']],
  ['outerJoin', ['a=1-undefined@10', 'a=1-2@10', 'a=3-2@5', 'a=3-undefined@20', 'a=null@7', '', 'b=undefined-4@1']],
] as const)('%s of two tables', async (how, expected) => {
  const joined = await play(t => {
    const fn = (one: string | undefined, other: string | undefined) => `${one}-${other}`
    t.table(left)
      [how](t.table(right), fn as never)
      .changes()
      .to(out as never)
  }, lines)
  expect(joined).toEqual(expected)
})

test('a stream looks rows up that are mapped, filtered and joined, and kept nowhere', async () => {
  const build = (t: ReturnType<typeof topology>): void => {
    const rows = t
      .table(left)
      .filter(isLong)
      .map(row => row.toUpperCase())
      .leftJoin(t.table(right), (one, other) => `${one}${other ?? ''}`)
    t.stream(topic('events', text, text))
      .leftJoin(rows, (event, row) => `${event}:${row}`)
      .to(out)
  }
  const played = await play(build, [
    'events a=1@1',
    'left a=xx@2',
    'events a=2@3',
    'right a=r@9',
    'events a=3@4',
    'left a=y@5',
    'events a=4@6',
  ])
  expect(played.filter(line => line !== '')).toEqual(['a=1:undefined@1', 'a=2:XX@3', 'a=3:XXr@4', 'a=4:undefined@6'])
})

test('a table joined with itself hears of each change on both sides', async () => {
  const build = (t: ReturnType<typeof topology>): void => {
    const rows = t.table(left)
    rows
      .join(rows, (one, other) => `${one}${other}`)
      .changes()
      .to(out as never)
  }
  expect(await play(build, ['left a=x@1', 'left a=null@2'])).toEqual(['a=xx@1 a=xx@1', ''])
})

test('a stream becomes a table, behind a repartition topic if its key is new', async () => {
  const build = (t: ReturnType<typeof topology>): void => {
    t.stream(left)
      .rekey(value => value.slice(0, 1), text)
      .toTable('rows')
      .changes()
      .to(out as never)
  }
  expect(await play(build, ['left a=xy@1', 'left b=xz@2', 'left b=q@0'])).toEqual(['x=xy@1', 'x=xz@2', 'q=q@0'])
})

test('it is shown, and only what is looked up is kept', () => {
  const t = topology('app')
  const kept = t.table(left)
  const passing = t.table(right)
  const named = t.stream(topic('events', text, text)).toTable('events-rows')
  kept
    .outerJoin(named, (one, other) => one ?? other)
    .changes()
    .to(out as never)
  passing
    .filterNot(isLong)
    .map(String)
    .changes()
    .to(out as never)
  expect(describe(t)).toBe(`topology app

sub-topology 0
   0 table left
   1 rows left <- 0
   4 source events
   5 rows events-rows <- 4
   6 outer join of rows <- 1, 5
   7 to out <- 6

sub-topology 1
   2 table right
   3 rows of right, not kept <- 2
   8 filterNot rows isLong <- 3
   9 map rows String <- 8
  10 to out <- 9
`)
})

test('what cannot be is refused', () => {
  const t = topology('app')
  expect(() => {
    t.stream(left)
      .map(value => value.length)
      .toTable('lengths')
    describe(t)
  }).toThrow(
    "The serde of the rows of 'lengths' is not known, because a map changes them. Pass it: toTable(name, serde).",
  )
  const other = topology('other')
  other.table(left).join(
    other
      .stream(right)
      .rekey(value => value.length, int64)
      .toTable('n') as never,
    String,
  )
  expect(() => describe(other)).toThrow('A join of two tables whose keys have different serdes, text and int64')
  const twice = topology('twice')
  twice.stream(left).toTable('rows')
  twice.stream(right).toTable('rows')
  expect(() => describe(twice)).toThrow("The store 'rows' is defined twice.")
})

group('recomputed from scratch, and restarted after every record', () => {
  const random = seeded(11)
  const draw = (of: number): number => Math.floor(random() * of)
  const script = Array.from({ length: 200 }, (_, i) => ({
    isLeft: random() < 0.5,
    key: `k${draw(3)}`,
    value: random() < 0.3 ? null : `${'v'.repeat(1 + draw(2))}${i}`,
    timestamp: draw(100),
  }))
  type Row = { value: string; timestamp: number }

  /** What an outer join must say of each record, from the tables as they are after it. */
  function expected(): string[] {
    const tables = { left: new Map<string, Row>(), right: new Map<string, Row>() }
    return script.map(({ isLeft, key, value, timestamp }) => {
      const [own, others] = isLeft ? [tables.left, tables.right] : [tables.right, tables.left]
      const was = own.get(key)
      if (value === null) own.delete(key)
      else own.set(key, { value, timestamp })
      const other = others.get(key)
      if (other === undefined && value === null && was === undefined) return ''
      const [one, two] = [tables.left.get(key)?.value, tables.right.get(key)?.value]
      const shown = one === undefined && two === undefined ? 'null' : `${one}-${two}`
      return `${key}=${shown}@${Math.max(timestamp, other?.timestamp ?? 0)}`
    })
  }

  async function actual(options: TestDriverOptions, restarts: boolean): Promise<string[]> {
    const t = topology('app')
    const joined = t.table(left).outerJoin(t.stream(right).toTable('rights'), (one, two) => `${one}-${two}`)
    joined.changes().to(out as never)
    joined
      .filter(row => row.includes('vv'))
      .map(row => row.length)
      .changes()
      .to(topic('lengths', text, int64) as never)
    const driver = await createTestDriver(t, options)
    return script.map(({ isLeft, key, value, timestamp }) => {
      driver.input(isLeft ? left : right).pipe(key, value, timestamp)
      if (restarts) driver.restart()
      const rows = driver.output(out).readAll()
      return rows.map(row => `${row.key}=${row.value}@${row.timestamp}`).join(' ')
    })
  }

  test.each([1, 3])('with %i partitions', async partitions => {
    expect(await actual({ partitions }, false)).toEqual(expected())
    expect(await actual({ partitions }, true)).toEqual(expected())
  })
})

test('aggregates are tables: joined at the higher of their times', async () => {
  const t = topology('app')
  const numbers = topic('numbers', text, int64)
  const totals = (name: string, of: typeof numbers) =>
    t
      .stream(of)
      .groupByKey()
      .aggregate(name, { n: count(), total: sum((value: number) => value) })
  const rows = totals('one', numbers).join(totals('two', topic('others', text, int64)), (one, two) => one.total * two.n)
  rows.changes().to(topic('products', text, int64) as never)
  const driver = await createTestDriver(t)
  driver.input(numbers).pipe('a', 5, 10)
  driver.input(topic('others', text, int64)).pipe('a', 1, 3)
  driver.input(topic('others', text, int64)).pipe('a', 1, 20)
  const products = driver.output(topic('products', text, int64)).readAll()
  expect(products.map(({ value, timestamp }) => [value, timestamp])).toEqual([
    [5, 10],
    [10, 20],
  ])
})
