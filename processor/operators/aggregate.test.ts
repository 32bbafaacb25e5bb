import { expect, test } from 'vitest'
import { count, sum } from '../../topology/counting.ts'
import { AggregateByKey } from './aggregate.ts'
import { Fold, type Folded } from './fold.ts'
import { AggregateRows, type StoredRow, storedRowCodec, StoredRows } from './rows.ts'
import { StreamTableJoin, TableStore } from './table.ts'
import { integerState } from '../../topology/aggregate-state.ts'
import { type Emitted, OperatorRig, seeded } from './testing.ts'

const spec = { n: count<number>(), total: sum((value: number) => value) }

const aggregateRig = (): OperatorRig =>
  new OperatorRig({
    stores: ['totals'],
    build(context, out) {
      const fold = new Fold(spec)
      return [
        new AggregateByKey(
          { store: 'totals', fold, rows: context.state.cached<Folded>('totals', fold), sendsFormer: false },
          context,
          out,
        ),
      ]
    },
  })

const show = (sent: readonly Emitted[]): string =>
  sent.map(({ key, value, timestamp }) => `${key as string}:${value.n}/${value.total}@${timestamp}`).join(' ')

test('each record forwards the new result, at the highest timestamp that went into it', () => {
  const rig = aggregateRig()
  expect(show(rig.send('a', 5, 10))).toBe('a:1/5@10')
  expect(show(rig.send('b', 1, 3))).toBe('b:1/1@3')
  expect(show(rig.send('a', 2, 4))).toBe('a:2/7@10')
  expect(show(rig.send('a', 1, 11))).toBe('a:3/8@11')
  expect(rig.send(null, 1, 12)).toEqual([])
  expect(rig.send('a', null, 12)).toEqual([])
  expect(rig.send('a', undefined, 12)).toEqual([])
  expect(rig.drops).toEqual({ 'totals null-key': 1, 'totals null-value': 2 })
})

test('results that were sent are not changed by later records', () => {
  const rig = aggregateRig()
  const [first] = rig.send('a', 5, 10)
  rig.send('a', 5, 11)
  expect(first!.value).toEqual({ n: 1, total: 5 })
})

test('random records with commits, evictions, rollbacks and restarts: sums of plain loops', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const random = seeded(seed)
    const rig = aggregateRig()
    let rows = new Map<string, number[]>()
    let saved = new Map<string, number[]>()
    for (let i = 0; i < 300; i++) {
      const dice = random()
      if (dice < 0.08) {
        await rig.commit({ flush: dice < 0.04 })
        saved = new Map(rows)
      } else if (dice < 0.12) rig.evict()
      else if (dice < 0.16) {
        if (dice < 0.14) await rig.rollback()
        else await rig.restart(dice < 0.15 ? 'disk' : 'changelog')
        rows = new Map(saved)
      }
      const key = `k${Math.floor(random() * 5)}`
      const value = Math.floor(random() * 9)
      const all = [...(rows.get(key) ?? []), value]
      rows.set(key, all)
      expect(rig.send(key, value, i)[0]!.value).toEqual({ n: all.length, total: all.reduce((a, b) => a + b, 0) })
    }
  }
})

const join = (outer: boolean): OperatorRig =>
  new OperatorRig({
    stores: ['rows'],
    build(context, out) {
      const rows = context.state.cached<StoredRow>('rows', storedRowCodec(integerState))
      const fn = (left: unknown, right: unknown, key: unknown): unknown => [left, right, key]
      return [
        new TableStore({ store: 'rows', rows }, context, { process: () => undefined }),
        new StreamTableJoin({ name: 'join', rows: new StoredRows(rows), outer, fn }, context, out),
      ]
    },
  })

const table = 0
const stream = 1

test('a join looks the row up as it is now, at the time of the stream record; the table triggers nothing', async () => {
  for (const outer of [false, true]) {
    const rig = join(outer)
    const values = (value: unknown, key: unknown, timestamp: number): unknown[] =>
      rig.send(key, value, timestamp, stream).map(sent => [sent.value, sent.timestamp])
    const none = (value: unknown, at: number): unknown[] => (outer ? [[[value, undefined, 'a'], at]] : [])
    expect(values('s1', 'a', 1)).toEqual(none('s1', 1))
    expect(rig.send('a', 100, 50, table)).toEqual([])
    expect(values('s2', 'a', 2)).toEqual([[['s2', 100, 'a'], 2]])
    rig.send('a', 200, 3, table)
    await rig.commit()
    await rig.restart('changelog')
    expect(values('s3', 'a', 4)).toEqual([[['s3', 200, 'a'], 4]])
    rig.send('a', null, 5, table)
    expect(values('s4', 'a', 6)).toEqual(none('s4', 6))
    await rig.commit({ flush: true })
    rig.evict()
    expect(values('s5', 'a', 7)).toEqual(none('s5', 7))
    expect(rig.logs.get('rows')!.compacted().size).toBe(0)
  }
})

test('null keys: dropped by an inner join, joined with nothing by a left one; null values are dropped by both', () => {
  const [inner, left] = [join(false), join(true)]
  expect(inner.send(null, 's', 1, stream)).toEqual([])
  expect(left.send(null, 's', 1, stream)).toEqual([{ key: null, value: ['s', undefined, null], timestamp: 1 }])
  expect(inner.send('a', null, 1, stream)).toEqual([])
  expect(left.send('a', null, 1, stream)).toEqual([])
  inner.send(null, 5, 1, table)
  expect(inner.drops).toEqual({ 'join null-key': 1, 'join null-value': 1, 'rows null-key': 1 })
  expect(left.drops).toEqual({ 'join null-value': 1 })
})

test('an aggregate is read as a table of its results', () => {
  const rig = new OperatorRig({
    stores: ['totals'],
    build(context, out) {
      const fold = new Fold(spec)
      const rows = context.state.cached<Folded>('totals', fold)
      const fn = (left: unknown, right: unknown): unknown => ({ left, right })
      return [
        new AggregateByKey({ store: 'totals', fold, rows, sendsFormer: false }, context, { process: () => undefined }),
        new StreamTableJoin({ name: 'join', rows: new AggregateRows(rows, fold), outer: false, fn }, context, out),
      ]
    },
  })
  expect(rig.send('a', 's', 1, stream)).toEqual([])
  rig.send('a', 4, 9, table)
  rig.send('a', 6, 9, table)
  expect(rig.send('a', 's', 1, stream)).toEqual([
    { key: 'a', value: { left: 's', right: { n: 2, total: 10 } }, timestamp: 1 },
  ])
})
