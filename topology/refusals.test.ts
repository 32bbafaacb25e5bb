import { expect, test } from 'vitest'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { over } from './aggregates.ts'
import { compile } from './compile.ts'
import { count } from './counting.ts'
import { distinctCount } from './members.ts'
import { latest, list } from './picking.ts'
import { keyValueState, windowState } from './state.ts'
import { type Stream, topology, type Topology } from './stream.ts'
import { tumbling } from './windows.ts'

// Every definition that compile refuses: what happened, where, what to do.

const a = topic('a', text, int64)
const b = topic('b', text, int64)
const numbered = topic('numbered', int64, int64)
const table = topic('table', text, text)
const create = (): { process(): void } => ({ process() {} })
const minute = tumbling('1m')

type Define = (stream: Stream<string, number>, t: Topology) => unknown

const refusals: Readonly<Record<string, readonly [Define, string]>> = {
  'two stores of one name': [
    stream => [stream.groupByKey().count('x'), stream.groupByKey().count('x')],
    "The store 'x' is defined twice. Give one of them another name.",
  ],
  'stores of one name, of different kinds': [
    stream => [
      stream.lateness('x', { grace: 1 }),
      stream.groupByKey().trailing('x', { event: int64 }, { n: over(1, count()) }),
    ],
    "The store 'x' is defined twice.",
  ],
  'a store of process with a name that is taken': [
    stream => [
      stream.groupByKey().count('x'),
      stream.process('p', { stores: { own: keyValueState('x', text, int64) }, create }),
    ],
    "The store 'x' is defined twice.",
  ],
  'names that are one to Kafka': [
    stream => [stream.groupByKey().count('per.card'), stream.groupByKey().count('per_card')],
    "The store 'per_card' is defined twice, for Kafka counts 'per.card' and 'per_card' as one.",
  ],
  'a store named as a repartition topic': [
    stream => [stream.groupByKey().count('x'), stream.repartition('x')],
    "The store 'x' and the repartition topic 'x' share a name. Give one of them another name.",
  ],
  'a store named as a table': [
    (stream, t) => [stream.groupByKey().count('table'), t.table(table)],
    "The store 'table' and the store of the table 'table' share a name.",
  ],
  'two processes of one name': [
    stream => [stream.process('p', { create }), stream.process('p', { create })],
    "The process 'p' is defined twice.",
  ],
  'a name that no topic can have': [
    stream => stream.groupByKey().count('per card'),
    "The store is named 'per card'. Topics are named from it: use 1 to 150 letters, digits, '.', '_' and '-'.",
  ],
  'an empty name': [stream => stream.groupByKey().count(''), "The store is named ''."],
  'a name of dots': [stream => stream.repartition('..'), "The repartition topic is named '..'."],
  'a very long name': [stream => stream.process('x'.repeat(151), { create }), 'The process is named'],
  'a topic whose name no topic can have': [
    stream => stream.to(topic('no topic', text, int64)),
    "A topic that the topology writes is named 'no topic'.",
  ],
  'a topic without a key serde': [
    stream => stream.to(topic('out', undefined as never, int64)),
    "The topic 'out' has no serde for its keys. Define it as topic(name, keySerde, valueSerde).",
  ],
  'a topic as stream and as table': [
    (_, t) => t.table(a),
    "The topic 'a' is read as a stream and as a table. Read it once: the changes() of the table are a stream.",
  ],
  'a topic with two serdes': [
    (_, t) => t.stream(topic('a', text, text)),
    "The topic 'a' is read twice with different serdes. Define the topic once and use that.",
  ],
  'a topic with two times': [
    (_, t) => t.stream(a, { timestamp: n => n }),
    "The topic 'a' is read twice with different timestamps.",
  ],
  'a grouping by a new key of changed values': [
    stream =>
      stream
        .map(n => n + 1)
        .groupBy(n => n, int64)
        .count('x'),
    "The records at the grouping before 'x' go through a repartition topic, and the serde of their values " +
      'is not known, ' +
      'because a map changes them. Pass their serde there.',
  ],
  'a grouping of results by a new key': [
    stream =>
      stream
        .groupByKey()
        .count('x')
        .changes()
        .groupBy(row => row.count, int64)
        .count('y'),
    "the grouping before 'y' go through a repartition topic, and the serde of their values is not known, " +
      "because they are results of 'x'",
  ],
  'a repartition of joined values': [
    (stream, t) => stream.join(t.table(table), n => n).repartition('x'),
    "The records at repartition 'x' go through a repartition topic, and the serde of their values is not known, " +
      'because a join changes them',
  ],
  'a repartition of what a process forwards': [
    stream =>
      stream
        .process('p', { create })
        .groupBy(n => n, int64)
        .count('x'),
    "because the process 'p' forwards its own",
  ],
  'a grouping of merged values': [
    (stream, t) =>
      stream
        .merge(t.stream(topic('c', text, { ...int64 })))
        .groupBy(n => n, int64)
        .count('x'),
    'because streams of different serdes are merged',
  ],
  'a merge of different keys': [
    (stream, t) => (stream as Stream<any, number>).merge(t.stream(numbered)),
    'A merge joins streams whose keys have different serdes, text and int64. Rekey one of them with the serde ' +
      'of the other.',
  ],
  'a join by a new key': [
    (stream, t) => stream.rekey(String, text).join(t.table(table), n => n),
    "A join with the table 'table' follows a new key, so records and rows of one key may be in different tasks. " +
      'Call .repartition(',
  ],
  'both ways out of a window': [
    stream => {
      const windows = stream.groupByKey().window(minute).aggregate('x', { n: count() })
      return [windows.changes(), windows.final()]
    },
    "Both changes() and final() of 'x' are read. A store of windows speaks one way",
  ],
  'an aggregate of nothing': [stream => stream.groupByKey().aggregate('x', {}), "The aggregate 'x' computes nothing."],
  'spans of nothing': [
    stream => stream.groupByKey().trailing('x', { event: int64 }, {}),
    "The aggregate 'x' computes nothing.",
  ],
  'a field that results have': [
    stream =>
      stream
        .groupByKey()
        .window(minute)
        .aggregate('x', { endMs: count() } as never),
    "'x' computes a field 'endMs', which its results already have. Give the field another name.",
  ],
  'a span named event': [
    stream => stream.groupByKey().trailing('x', { event: int64 }, { event: over(1, count()) } as never),
    "'x' computes a field 'event', which its results already have.",
  ],
  'an aggregate that keeps values without a serde': [
    stream => stream.groupByKey().aggregate('x', { last: latest(n => n) }),
    "'last' of 'x' is a latest that keeps values, and their serde is not known. Pass it: latest(..., { serde }).",
  ],
  'zero partitions': [
    stream => stream.repartition('x', int64, { partitions: 0 }),
    "The repartition topic 'x' is to have 0 partitions. Give a whole number of at least 1.",
  ],
  'half a partition': [
    stream => stream.groupBy(n => n, int64, int64, { partitions: 1.5 }).count('x'),
    'The repartition topic of a grouping is to have 1.5 partitions.',
  ],
  'a store without retention': [
    stream => stream.process('p', { stores: { x: windowState('x', text, int64, { retentionMs: 0 }) }, create }),
    "The retention of the store 'x' is 0. Give whole milliseconds, at least 1.",
  ],
}

for (const [title, [define, message]] of Object.entries(refusals)) {
  test(`refused: ${title}`, () => {
    const t = topology('t')
    define(t.stream(a), t)
    expect(() => compile(t)).toThrow(
      expect.objectContaining({ code: 'TOPOLOGY', message: expect.stringContaining(message) }),
    )
  })
}

test('refused: no source, a bad name, dead letters without a topic', () => {
  expect(() => compile(topology('t'))).toThrow(
    "The topology 't' reads no topic. Start it with .stream(topic) or .table(topic).",
  )
  expect(() => compile(topology('no name'))).toThrow("The topology is named 'no name'.")
  const t = topology('t', { onFailure: 'dead-letter' })
  t.stream(a)
  expect(() => compile(t)).toThrow("The topology 't' sends failures to dead letters, but names no topic for them.")
})

test('refused where it is written: handles of two topologies, two branches of one name', () => {
  const [one, two] = [topology('one').stream(a), topology('two').stream(b)]
  expect(() => one.merge(two)).toThrow(
    "A merge in the topology 'one' reads a handle of the topology 'two'. Make both from one topology.",
  )
  expect(() => one.split({ x: () => true }, { otherwise: 'x' })).toThrow("A split names two branches 'x'")
  expect(() => one.lateness('judged', { grace: -1 })).toThrow("The grace of 'judged' is -1.")
})

test('a topic of the user may have as long a name as Kafka allows', () => {
  const t = topology('t')
  t.stream(topic('x'.repeat(249), text, int64))
  expect(() => compile(t)).not.toThrow()
  t.stream(topic('x'.repeat(250), text, int64))
  expect(() => compile(t)).toThrow('use 1 to 249 letters')
})

test('allowed: what a first look could take for a mistake', () => {
  const t = topology('t')
  const stream = t.stream(a)
  const windows = stream
    .groupByKey()
    .window(minute)
    .aggregate('x', { n: count(), members: distinctCount(n => n, int64) })
  windows.final()
  windows.final()
  t.stream(a)
    .groupByKey()
    .trailing(
      'spans',
      { event: int64 },
      {
        last: over(
          5,
          latest(n => n),
        ),
        all: over(5, list()),
      },
    )
  stream.groupByKey().window(minute).aggregate('unread', { n: count() })
  stream
    .groupBy(n => n, int64)
    .window(minute)
    .aggregate('kept', { n: latest(n => n, { serde: int64 }) }, { combine: true })
    .final()
  stream
    .map(n => `${n}`)
    .groupBy(s => s, text, text)
    .count('given')
  stream.process('x', { create })
  expect(() => compile(t)).not.toThrow()
})
