import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import type { WindowedStep } from '../../topology/compiled.ts'
import { count, sum } from '../../topology/counting.ts'
import { recordAggregate } from '../../topology/record.ts'
import type { WindowShape } from '../../topology/windows.ts'
import { type Emitted, OperatorRig, seeded } from './testing.ts'
import { WindowedAggregate } from './windowed.ts'

const spec = { n: count<number>(), total: sum((value: number) => value) }

const step = (window: WindowShape, emit: 'changes' | 'final', merges = false): WindowedStep => ({
  kind: 'windowed',
  store: 'w',
  key: text,
  window,
  spec,
  emit,
  merges,
})

const rigFor = (own: WindowedStep, upstreams?: number): OperatorRig =>
  new OperatorRig({
    stores: ['*w'],
    build: (context, out) => [new WindowedAggregate(own, context, out)],
    ...(upstreams !== undefined && { upstreams }),
  })

/** `key[start,end)n/total@timestamp` for each result. */
const show = (sent: readonly Emitted[]): string =>
  sent
    .map(
      ({ key, value, timestamp }) =>
        `${key as string}[${value.startMs},${value.endMs})${value.n}/${value.total}@${timestamp}`,
    )
    .join(' ')

type Row = readonly [key: string, value: number, timestamp: number, sent: string]

function play(rig: OperatorRig, rows: readonly Row[]): void {
  for (const [key, value, timestamp, sent] of rows)
    expect([timestamp, show(rig.send(key, value, timestamp))]).toEqual([timestamp, sent])
}

test('hopping, size 10 every 4, changes: 9 is in all three, by ascending start', () => {
  play(rigFor(step({ sizeMs: 10, advanceMs: 4, graceMs: 100 }, 'changes')), [
    ['a', 1, 0, 'a[0,10)1/1@0'],
    ['a', 1, 3, 'a[0,10)2/2@3'],
    ['a', 1, 4, 'a[0,10)3/3@4 a[4,14)1/1@4'],
    ['a', 5, 9, 'a[0,10)4/8@9 a[4,14)2/6@9 a[8,18)1/5@9'],
    ['a', 1, 10, 'a[4,14)3/7@10 a[8,18)2/6@10'],
    ['b', 2, 17, 'b[8,18)1/2@17 b[12,22)1/2@17 b[16,26)1/2@17'],
    // A result's time is the highest that went into it.
    ['a', 1, 5, 'a[0,10)5/9@9 a[4,14)4/8@10'],
  ])
})

test('a window takes records while its end > stream time - grace: size 10, grace 5', () => {
  const rig = rigFor(step({ sizeMs: 10, advanceMs: 10, graceMs: 5 }, 'changes'))
  play(rig, [
    ['a', 1, 14, 'a[10,20)1/1@14'],
    ['a', 1, 4, 'a[0,10)1/1@4'],
    ['a', 1, 15, 'a[10,20)2/2@15'],
    ['a', 1, 4, ''],
    ['a', 1, 9, ''],
    ['a', 1, 10, 'a[10,20)3/3@15'],
    ['a', 1, 24, 'a[20,30)1/1@24'],
    ['b', 1, 19, 'b[10,20)1/1@19'],
    ['b', 1, 25, 'b[20,30)1/1@25'],
    ['b', 1, 19, ''],
  ])
  expect(rig.drops).toEqual({ 'w late': 3, 'w late-windows': 3 })
})

test('a record late for some windows only is no late record', () => {
  const rig = rigFor(step({ sizeMs: 10, advanceMs: 5, graceMs: 0 }, 'changes'))
  play(rig, [
    ['a', 1, 17, 'a[10,20)1/1@17 a[15,25)1/1@17'],
    ['a', 1, 12, 'a[10,20)2/2@17'],
    ['a', 1, 3, ''],
  ])
  // 12 was too late for [5, 15), and 3 for [0, 10), its only one.
  expect(rig.drops).toEqual({ 'w late': 1, 'w late-windows': 2 })
})

test('final: one result each, when the window closes, by (end, start, key bytes), before the record that closed it', () => {
  const rig = rigFor(step({ sizeMs: 10, advanceMs: 5, graceMs: 2 }, 'final'))
  play(rig, [
    ['b', 1, 1, ''],
    ['a', 2, 3, ''],
    ['é', 2, 3, ''],
    ['a', 4, 7, ''],
    ['a', 4, 11, ''],
    ['a', 1, 12, 'a[0,10)2/6@7 b[0,10)1/1@1 é[0,10)1/2@3'],
    ['c', 1, 16, ''],
    ['c', 1, 40, 'a[5,15)3/9@12 a[10,20)2/5@12 c[10,20)1/1@16 c[15,25)1/1@16'],
  ])
  expect(show(rig.end())).toBe('c[35,45)1/1@40 c[40,50)1/1@40')
  expect(show(rig.end())).toBe('')
})

test('a null key is dropped and moves no time; a null value goes to the aggregates', () => {
  const rig = rigFor({
    ...step({ sizeMs: 10, advanceMs: 10, graceMs: 0 }, 'changes'),
    spec: { n: count<number>(), total: count((v: unknown) => v === null) },
  })
  play(rig, [['a', 1, 5, 'a[0,10)1/0@5']])
  expect(rig.send(null, 1, 500)).toEqual([])
  expect(show(rig.send('a', null, 6))).toBe('a[0,10)2/1@6')
  expect(rig.drops).toEqual({ 'w null-key': 1 })
})

test('partial aggregates are merged, and late ones are dropped', () => {
  const rig = rigFor(step({ sizeMs: 10, advanceMs: 10, graceMs: 0 }, 'changes', true))
  const partial = (startMs: number, values: readonly number[]): object => {
    const aggregate = recordAggregate<number, typeof spec>(spec)
    let states = aggregate.init()
    for (const value of values) states = aggregate.add(states, value)
    return { startMs, states }
  }
  expect(show(rig.send('a', partial(0, [1, 2]), 4))).toBe('a[0,10)2/3@4')
  expect(show(rig.send('a', partial(0, [5]), 3))).toBe('a[0,10)3/8@4')
  expect(show(rig.send('a', partial(10, [5, 5]), 10))).toBe('a[10,20)2/10@10')
  expect(show(rig.send('a', partial(0, [7]), 9))).toBe('')
  expect(rig.drops).toEqual({ 'w late': 1, 'w late-windows': 1 })
})

test('behind a repartition topic the least stamp closes windows, with or without a record; the end closes all', () => {
  const rig = rigFor(step({ sizeMs: 10, advanceMs: 10, graceMs: 0 }, 'final'), 2)
  rig.stamp(0, 500)
  expect(show(rig.send('a', 1, 500))).toBe('')
  rig.stamp(1, 3)
  expect(show(rig.send('b', 1, 3))).toBe('')
  expect(show(rig.stamp(1, 12))).toBe('b[0,10)1/1@3')
  expect(show(rig.send('b', 1, 9))).toBe('')
  expect(rig.drops).toEqual({ 'w late': 1, 'w late-windows': 1 })
  expect(show(rig.stamp(0, Infinity))).toBe('')
  expect(show(rig.stamp(1, Infinity))).toBe('a[500,510)1/1@500')
  expect(show(rig.end())).toBe('')
})

test('closed windows leave nothing behind, with changes as with final', async () => {
  for (const emit of ['changes', 'final'] as const) {
    const rig = rigFor(step({ sizeMs: 10, advanceMs: 5, graceMs: 3 }, emit))
    for (let i = 0; i < 300; i++) rig.send(`key-${i % 40}`, 1, i)
    await rig.commit({ flush: true })
    rig.evict()
    rig.end()
    await rig.commit({ flush: true })
    expect(rig.rowsByKind('w')).toEqual({ 0: 1 })
  }
})

// ---------------------------------------------------------------- against plain loops

interface Shape extends WindowShape {
  readonly emit: 'changes' | 'final'
}

/** Windows in a Map, every rule of SEMANTICS 3.1 and 4.2 spelled out. */
class Oracle {
  readonly shape: Shape
  windows = new Map<string, { key: string; start: number; n: number; total: number; timestamp: number }>()
  streamTime = -1
  #saved = { windows: new Map(this.windows), streamTime: -1 }

  constructor(shape: Shape) {
    this.shape = shape
  }

  take(key: string, value: number, timestamp: number): string[] {
    const sent: string[] = []
    const { sizeMs, advanceMs, graceMs, emit } = this.shape
    if (timestamp > this.streamTime) {
      this.streamTime = timestamp
      sent.push(...this.close())
    }
    for (let start = 0; start <= timestamp; start += advanceMs) {
      if (timestamp >= start + sizeMs || start + sizeMs <= this.streamTime - graceMs) continue
      const id = `${key} ${start}`
      const row = { ...(this.windows.get(id) ?? { key, start, n: 0, total: 0, timestamp: -1 }) }
      row.n++
      row.total += value
      row.timestamp = Math.max(row.timestamp, timestamp)
      this.windows.set(id, row)
      if (emit === 'changes') sent.push(this.show(row))
    }
    return sent
  }

  close(): string[] {
    const { sizeMs, graceMs, emit } = this.shape
    const closed = [...this.windows].filter(([, { start }]) => start + sizeMs <= this.streamTime - graceMs)
    for (const [id] of closed) this.windows.delete(id)
    const ordered = closed.map(([, row]) => row).toSorted((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1))
    return emit === 'final' ? ordered.map(row => this.show(row)) : []
  }

  show(row: { key: string; start: number; n: number; total: number; timestamp: number }): string {
    return `${row.key}[${row.start},${row.start + this.shape.sizeMs})${row.n}/${row.total}@${row.timestamp}`
  }

  commit(): void {
    this.#saved = { windows: new Map(this.windows), streamTime: this.streamTime }
  }

  rollback(): void {
    this.windows = new Map(this.#saved.windows)
    this.streamTime = this.#saved.streamTime
  }
}

async function disturb(rig: OperatorRig, oracle: Oracle, dice: number): Promise<void> {
  if (dice < 0.05) {
    await rig.commit({ flush: dice < 0.025 })
    oracle.commit()
  } else if (dice < 0.08) rig.evict(dice < 0.065 ? 0 : 2000)
  else if (dice < 0.09) {
    await rig.rollback()
    oracle.rollback()
  } else if (dice < 0.1) {
    await rig.restart(dice < 0.095 ? 'disk' : 'changelog')
    oracle.rollback()
  }
}

const shapes: readonly Shape[] = [
  { sizeMs: 10, advanceMs: 10, graceMs: 0, emit: 'changes' },
  { sizeMs: 10, advanceMs: 10, graceMs: 7, emit: 'final' },
  { sizeMs: 10, advanceMs: 4, graceMs: 0, emit: 'final' },
  { sizeMs: 10, advanceMs: 3, graceMs: 12, emit: 'changes' },
  { sizeMs: 1, advanceMs: 1, graceMs: 2, emit: 'final' },
]

test.each(shapes)('random records, $emit, size $sizeMs every $advanceMs, grace $graceMs', async shape => {
  for (let seed = 0; seed < 8; seed++) {
    const random = seeded(seed + shape.advanceMs * 1000)
    const rig = rigFor(step(shape, shape.emit))
    const oracle = new Oracle(shape)
    let now = 0
    for (let i = 0; i < 250; i++) {
      await disturb(rig, oracle, random())
      now += random() < 0.02 ? 60 : Math.floor(random() * 4)
      const timestamp = Math.max(0, now - (random() < 0.5 ? 0 : Math.floor(random() * 30)))
      const key = 'abcd'[Math.floor(random() * 4)]!
      const value = Math.floor(random() * 100)
      expect([seed, i, show(rig.send(key, value, timestamp))]).toEqual([
        seed,
        i,
        oracle.take(key, value, timestamp).join(' '),
      ])
    }
    oracle.streamTime = Infinity
    expect(show(rig.end())).toBe(oracle.close().join(' '))
  }
})
