import { expect, test } from 'vitest'
import { int64, text } from '../schemas/serdes.ts'
import { type Topic, topic } from '../schemas/topic.ts'
import { over } from './aggregates.ts'
import { compile } from './compile.ts'
import type { Compiled, RunStep } from './compiled.ts'
import { count, sum } from './counting.ts'
import { cards } from './fixtures/cards.ts'
import { internalTopics } from './names.ts'
import { keyValueState, windowState } from './state.ts'
import { topology } from './stream.ts'
import { tumbling } from './windows.ts'

const a = topic('a', text, int64)
const b = topic('b', text, int64)
const table = topic('table', text, text)
const out: Topic<unknown, unknown> = topic<any, any>('out', text, int64)

/** The kinds of steps by sub-topology: `['source rekey repartitionSink', ...]`. */
const kinds = (compiled: Compiled): readonly string[] =>
  compiled.subTopologies.map(part => part.nodes.map(node => node.step.kind).join(' '))

function step<Kind extends RunStep['kind']>(compiled: Compiled, kind: Kind): Extract<RunStep, { kind: Kind }> {
  const found = compiled.subTopologies.flatMap(part => part.nodes).filter(node => node.step.kind === kind)
  expect(found.length, kind).toBe(1)
  return found[0]!.step as Extract<RunStep, { kind: Kind }>
}

test('without a new key all is one sub-topology, and grouping leaves nothing behind', () => {
  const t = topology('t')
  t.stream(a)
    .filter(n => n > 0)
    .peek(() => {})
    .map(n => n + 1)
    .groupByKey()
    .aggregate('sums', { total: sum(n => n) })
    .changes()
    .map(row => row.total)
    .to(b)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source filter peek map aggregate map sink'])
  expect(compiled.repartitions).toEqual([])
  expect(compiled.subTopologies[0]!.stores).toEqual([{ name: 'sums', kind: 'keyValue' }])
  expect(compiled.inputs).toEqual([a])
  expect(compiled.outputs).toEqual([b])
  expect(step(compiled, 'aggregate').key).toBe(text)
})

test('a new key is cut at a repartition topic named after the store behind it', () => {
  const t = topology('t')
  t.stream(a)
    .groupBy(n => n, int64)
    .count('counts')
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source rekey repartitionSink', 'repartitionSource aggregate'])
  expect(compiled.repartitions).toEqual([
    { name: 'counts', key: int64, value: int64, partitions: null, writtenBy: [0], readBy: 1 },
  ])
  expect(compiled.subTopologies.map(part => [part.inputs, part.repartitionInputs])).toEqual([
    [['a'], []],
    [[], ['counts']],
  ])
  expect(step(compiled, 'aggregate').key).toBe(int64)
  expect(internalTopics(compiled, 'app')).toEqual(['app-counts-repartition', 'app-counts-changelog'])
})

test('the aggregates of one grouping share its repartition topic; those of another have their own', () => {
  const t = topology('t')
  const grouped = t.stream(a).groupBy(n => n, int64)
  grouped.count('one')
  grouped.window(tumbling('1m')).aggregate('two', { n: count() }).final()
  t.stream(a)
    .groupBy(n => n, int64, int64, { name: 'named', partitions: 3 })
    .count('three')
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual([
    'source rekey repartitionSink rekey repartitionSink',
    'repartitionSource aggregate windowed',
    'repartitionSource aggregate',
  ])
  expect(compiled.repartitions.map(({ name, partitions }) => [name, partitions])).toEqual([
    ['one', null],
    ['named', 3],
  ])
})

test('behind a repartition topic the key is in place: a join or a second grouping needs no other', () => {
  const t = topology('t')
  t.stream(a)
    .groupBy(String, text)
    .trailing('trailing', { event: int64 }, { n: over('1m', count()) })
    .changes()
    .join(t.table(table), row => row)
    .groupByKey()
    .count('again')
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual([
    'source rekey repartitionSink',
    'repartitionSource trailing source tableStore join aggregate',
  ])
})

test('a join is the child of its stream, and only reads the table', () => {
  const t = topology('t')
  const rows = t.table(table)
  t.stream(a)
    .leftJoin(rows, (n, row) => `${n}${row}`)
    .to(topic('joined', text, text))
  rows.changes().to(topic<string, string | null>('rows', text, text as never))
  const [part] = compile(t).subTopologies
  const at = (kind: string): number => part!.nodes.find(node => node.step.kind === kind)!.id
  const join = part!.nodes[at('join')]!
  expect(join.from).toEqual([at('source') + 2, at('tableStore')])
  expect(part!.nodes[join.from[0]!]!.to).toEqual([join.id])
  expect(part!.nodes[at('tableStore')]!.to.map(id => part!.nodes[id]!.step.kind)).toEqual(['sink'])
  expect(part!.stores).toEqual([{ name: 'table', kind: 'keyValue' }])
})

test('combine folds before the repartition topic, which carries partial aggregates', () => {
  const t = topology('t')
  t.stream(a)
    .map(n => `${n}`)
    .groupBy(s => s, text)
    .window(tumbling('1m', { grace: '1s' }))
    .aggregate('kpis', { n: count() }, { combine: true })
    .final()
    .to(out)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source map rekey combine', 'repartitionSource windowed sink'])
  expect(step(compiled, 'windowed')).toMatchObject({
    merges: true,
    emit: 'final',
    window: { sizeMs: 60_000, advanceMs: 60_000, graceMs: 1000 },
  })
  expect(step(compiled, 'combine')).toMatchObject({ repartition: 'kpis', window: { sizeMs: 60_000 } })
  expect(compiled.repartitions[0]).toMatchObject({
    name: 'kpis',
    writtenBy: [0],
    readBy: 1,
    value: { name: 'partial(record(integer))' },
  })
})

test('combine without a repartition topic is ignored', () => {
  const t = topology('t')
  t.stream(a).groupByKey().window(tumbling('1m')).aggregate('kpis', { n: count() }, { combine: true }).changes()
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source windowed'])
  expect(step(compiled, 'windowed')).toMatchObject({ merges: false, emit: 'changes' })
})

test('children are in the order in which they were defined', () => {
  const t = topology('t')
  const source = t.stream(a)
  const [first, second] = [source.filter(() => true), source.map(n => n)]
  second.to(b)
  first.groupByKey().count('counts')
  source.peek(() => {})
  const { nodes } = compile(t).subTopologies[0]!
  expect(nodes[0]!.to.map(id => nodes[id]!.step.kind)).toEqual(['filter', 'map', 'peek'])
  for (const node of nodes) for (const from of node.from) expect(from).toBeLessThan(node.id)
})

test('split and lateness lead to branches by index', () => {
  const t = topology('t')
  const { big, rest } = t.stream(a).split({ big: n => n > 10, small: n => n < 3 }, { otherwise: 'rest' })
  big.to(b)
  const { late } = rest.lateness('judged', { grace: '1m' })
  late.to(out)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source split branch branch branch sink lateness branch branch sink'])
  const { nodes, stores } = compiled.subTopologies[0]!
  const index = (id: number): unknown => (nodes[id]!.step as { index?: number }).index
  expect(nodes[1]!.to.map(index)).toEqual([0, 1, 2])
  expect(nodes.filter(node => node.step.kind === 'sink').map(node => index(node.from[0]!))).toEqual([0, 1])
  expect(nodes.find(node => node.step.kind === 'lateness')!.from.map(index)).toEqual([2])
  expect(stores).toEqual([{ name: 'judged', kind: 'time' }])
})

test('a topic that is read twice is one source; several topics are merged', () => {
  const t = topology('t')
  t.stream(a).to(out)
  t.stream([a, b]).to(out)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source sink source merge sink'])
  expect(compiled.inputs).toEqual([a, b])
})

test('separate flows are separate sub-topologies, and a shared table makes them one', () => {
  const t = topology('t')
  t.stream(a).to(out)
  t.stream(b).to(out)
  expect(kinds(compile(t))).toEqual(['source sink', 'source sink'])
  const rows = t.table(table)
  t.stream(a).join(rows, n => n)
  t.stream(b).join(rows, n => n)
  expect(compile(t).subTopologies.length).toBe(1)
})

test('a merge has a new key if one of its streams has', () => {
  const t = topology('t')
  t.stream(a).merge(t.stream(b).rekey(String, text)).groupByKey().count('counts')
  expect(kinds(compile(t))).toEqual(['source source rekey merge repartitionSink', 'repartitionSource aggregate'])
})

test('process: a new key is a new key, and its stores are its own', () => {
  const t = topology('t')
  const create = (): { process(): void } => ({ process() {} })
  t.stream(a)
    .process('p', {
      stores: { x: keyValueState('kept', text, int64), y: windowState('slots', text, int64, { retentionMs: 5 }) },
      key: int64,
      create,
    })
    .groupByKey(int64)
    .count('counts')
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source process repartitionSink', 'repartitionSource aggregate'])
  expect(compiled.subTopologies[0]!.stores).toEqual([
    { name: 'kept', kind: 'keyValue' },
    { name: 'slots', kind: 'slots' },
  ])
  const same = topology('same')
  same.stream(a).process('p', { create }).groupByKey().count('counts')
  expect(kinds(compile(same))).toEqual(['source process aggregate'])
})

test('an explicit repartition has its own name and lets a join follow a new key', () => {
  const t = topology('t')
  t.stream(a)
    .rekey(String, text)
    .repartition('by-number', undefined, { partitions: 2 })
    .join(t.table(table), n => n)
    .to(out)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source rekey repartitionSink', 'repartitionSource source tableStore join sink'])
  expect(compiled.repartitions).toMatchObject([{ name: 'by-number', partitions: 2, value: int64 }])
})

test('a part may read a repartition topic that it writes', () => {
  const t = topology('t')
  const source = t.stream(a)
  source.join(source.groupBy(String, text).count('counts'), (n, row) => n + row.count).to(b)
  const compiled = compile(t)
  expect(kinds(compiled)).toEqual(['source rekey repartitionSink repartitionSource aggregate join sink'])
  expect(compiled.repartitions).toMatchObject([{ writtenBy: [0], readBy: 0 }])
})

test('what remembers keeps the serde of the events, and the records carry all', () => {
  const t = topology('t')
  t.stream(a)
    .groupBy(String, text)
    .trailing('trailing', { grace: '1h', event: text, remember: n => `${n}` }, { n: over('2m', count()) })
  const compiled = compile(t)
  const trailing = step(compiled, 'trailing')
  expect(trailing).toMatchObject({ graceMs: 3_600_000, event: text, spans: { n: { spanMs: 120_000 } } })
  expect(trailing.remember(5, 'k', null as never)).toBe('5')
  expect(compiled.repartitions[0]!.value).toBe(int64)
})

test('dead letters are an output', () => {
  const deadLetters = { topic: topic<any, any>('dead', text, text), value: () => '' }
  const t = topology('t', { onFailure: 'dead-letter', deadLetters })
  t.stream(a).to(b)
  const compiled = compile(t)
  expect(compiled.outputs).toEqual([b, deadLetters.topic])
  expect(compiled).toMatchObject({ name: 't', onFailure: 'dead-letter', deadLetters })
})

test('the topology of the README', () => {
  const compiled = compile(cards)
  expect(kinds(compiled)).toEqual([
    'source filter rekey repartitionSink rekey combine',
    'repartitionSource trailing source tableStore join filter sink',
    'repartitionSource windowed map sink',
  ])
  expect(internalTopics(compiled, 'app')).toEqual([
    'app-history-repartition',
    'app-per-merchant-repartition',
    'app-history-changelog',
    'app-limits-changelog',
    'app-per-merchant-changelog',
  ])
  expect(() => internalTopics(compiled, 'my app')).toThrow("The application is named 'my app'.")
})
