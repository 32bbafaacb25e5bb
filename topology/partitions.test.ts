import { expect, test } from 'vitest'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { compile } from './compile.ts'
import { resolve } from './partitions.ts'
import { type Stream, topology, type Topology } from './stream.ts'

const a = topic('a', text, int64)
const b = topic('b', text, int64)
const table = topic('table', text, int64)

function resolved(
  define: (stream: Stream<string, number>, t: Topology) => unknown,
  counts: Readonly<Record<string, number>>,
): unknown {
  const t = topology('t')
  define(t.stream(a), t)
  const { tasks, repartitions, changelogs } = resolve(compile(t), name => counts[name])
  return [tasks, Object.fromEntries(repartitions), Object.fromEntries(changelogs)]
}

test('tasks are as many as the widest input has partitions, and changelogs as many as tasks', () => {
  expect(resolved(stream => stream.groupByKey().count('x'), { a: 6 })).toEqual([[6], {}, { x: 6 }])
  expect(resolved((stream, t) => stream.merge(t.stream(b)), { a: 2, b: 3 })).toEqual([[3], {}, {}])
})

test('a repartition topic is as wide as what writes it, through any number of them', () => {
  const twice = (stream: Stream<string, number>): unknown =>
    stream
      .groupBy(n => n, int64)
      .count('x')
      .changes()
      .map(row => row.count)
      .groupBy(n => n, int64, int64)
      .count('y')
  expect(resolved(twice, { a: 4 })).toEqual([[4, 4, 4], { x: 4, y: 4 }, { x: 4, y: 4 }])
})

test('a repartition topic has the count that it is given', () => {
  expect(resolved(stream => stream.groupBy(n => n, int64, int64, { partitions: 9 }).count('x'), { a: 4 })).toEqual([
    [4, 9],
    { x: 9 },
    { x: 9 },
  ])
})

test('a repartition topic takes the count of the table that it meets', () => {
  const enrich = (stream: Stream<string, number>, t: Topology): unknown =>
    stream
      .rekey(String, text)
      .repartition('r')
      .join(t.table(table), n => n)
  expect(resolved(enrich, { a: 4, table: 7 })).toEqual([[4, 7], { r: 7 }, { table: 7 }])
  expect(resolved(enrich, { a: 8, table: 7 })).toEqual([[8, 7], { r: 7 }, { table: 7 }])
})

test('repartition topics that meet take the count that one is given, or the widest', () => {
  const meet =
    (partitions?: number) =>
    (stream: Stream<string, number>, t: Topology): unknown =>
      stream
        .rekey(String, text)
        .repartition('r')
        .join(
          t
            .stream(b)
            .groupBy(String, text, int64, partitions === undefined ? {} : { partitions })
            .count('x'),
          n => n,
        )
  expect(resolved(meet(), { a: 4, b: 6 })).toEqual([[4, 6, 6], { r: 6, x: 6 }, { x: 6 }])
  expect(resolved(meet(3), { a: 4, b: 6 })).toEqual([[4, 3, 6], { r: 3, x: 3 }, { x: 3 }])
})

test('repartition topics that feed each other find a count', () => {
  const loop = (stream: Stream<string, number>): unknown => {
    const counts = stream
      .groupBy(n => n, int64)
      .count('x')
      .changes()
      .map(row => row.count)
    return counts
      .groupBy(n => n, int64, int64)
      .count('y')
      .changes()
      .map(row => row.count)
      .rekey(String, text)
      .repartition('r', int64)
  }
  expect(resolved(loop, { a: 5 })).toEqual([[5, 5, 5, 5], { x: 5, y: 5, r: 5 }, { x: 5, y: 5 }])
  const own = (stream: Stream<string, number>): unknown => stream.join(stream.groupBy(String, text).count('x'), n => n)
  expect(resolved(own, { a: 5 })).toEqual([[5], { x: 5 }, { x: 5 }])
})

test('a repartition topic waits for all that its writers read, also for what is defined later', () => {
  const later = (stream: Stream<string, number>, t: Topology): unknown => {
    const narrow = t.stream(b)
    narrow.groupBy(n => n, int64).count('x')
    return narrow.merge(stream.rekey(String, text).repartition('r'))
  }
  expect(resolved(later, { a: 6, b: 2 })).toEqual([[6, 6, 6], { x: 6, r: 6 }, { x: 6 }])
})

test('refused: topics that are missing', () => {
  const both = (stream: Stream<string, number>, t: Topology): unknown => stream.merge(t.stream(b))
  const how = 'with as many partitions as there are to be tasks.'
  expect(() => resolved(both, { a: 1 })).toThrow(
    expect.objectContaining({
      code: 'TOPIC_MISSING',
      message: `Missing: the input topic 'b', which 't' reads. Create it first, ${how}`,
    }),
  )
  expect(() => resolved(both, {})).toThrow(
    `Missing: the input topics 'a', 'b', which 't' reads. Create them first, ${how}`,
  )
})

test('refused: unequal counts where keys meet', () => {
  const join = (stream: Stream<string, number>, t: Topology): unknown => stream.join(t.table(table), n => n)
  expect(() => resolved(join, { a: 4, table: 6 })).toThrow(
    "Records of one key would be in different tasks: topic 'a' has 4 partitions, " +
      "topic 'table' has 6 partitions, and they meet at a join. " +
      'Give both the same number of partitions, or send one of them through .repartition().',
  )
  expect(() => resolved(join, { a: 4, table: 6 })).toThrow(expect.objectContaining({ code: 'PARTITIONS_DIFFER' }))
  const merged = (stream: Stream<string, number>, t: Topology): unknown =>
    stream.merge(t.stream(b)).groupByKey().count('x')
  expect(() => resolved(merged, { a: 4, b: 6 })).toThrow(
    "topic 'a' has 4 partitions, topic 'b' has 6 partitions, and they meet at 'x'",
  )
  const fixed = (stream: Stream<string, number>, t: Topology): unknown =>
    stream
      .rekey(String, text)
      .repartition('r', int64, { partitions: 3 })
      .join(t.table(table), n => n)
  expect(() => resolved(fixed, { a: 4, table: 6 })).toThrow(
    "repartition topic 'r' has 3 partitions, topic 'table' has 6 partitions",
  )
})

test('refused: unequal counts of topics that meet only through a third', () => {
  const chain = (stream: Stream<string, number>, t: Topology): unknown => {
    const rows = t.table(table)
    return [
      stream
        .rekey(String, text)
        .repartition('r')
        .join(rows, n => n),
      t.stream(b).join(rows, n => n),
    ]
  }
  expect(resolved(chain, { a: 1, b: 6, table: 6 })).toEqual([[1, 6], { r: 6 }, { table: 6 }])
  expect(() => resolved(chain, { a: 1, b: 5, table: 6 })).toThrow('they meet at a join and a join')
})
