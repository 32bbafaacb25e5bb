import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import type { WindowedStep } from '../../topology/compiled.ts'
import { count, sum } from '../../topology/counting.ts'
import { windowPartialSerde } from '../../topology/record.ts'
import type { TestLog } from '../state/testing.ts'
import { Combine } from './combine.ts'
import { type Emitted, OperatorRig, seeded } from './testing.ts'
import { WindowedAggregate } from './windowed.ts'

const spec = { n: count<number>(), total: sum((value: number) => value) }
const window = { sizeMs: 10, advanceMs: 5, graceMs: 1000 }
const partial = windowPartialSerde(spec)

// The repartition topic stands among the logs of the rig under its name.
const combineRig = (): OperatorRig =>
  new OperatorRig({
    stores: ['topic'],
    build: context => [
      new Combine({ repartition: 'topic', key: text, window, spec, idleMs: 0, markerEveryMs: 1000 }, context, {
        index: 0,
        count: 1,
      }),
    ],
  })

const sentBy = (log: TestLog): string[] =>
  log.records.map(({ key, value, timestamp }) => {
    const { startMs, states } = partial.read(value!, 0, value!.length)
    return `${key.toString()}[${startMs})${states.join('/')}@${timestamp}`
  })

test('one partial for each key and window of a transaction, sent when it ends, by window and then by first record', async () => {
  const rig = combineRig()
  for (const [key, value, timestamp] of [
    ['b', 1, 12],
    ['a', 2, 3],
    ['b', 3, 14],
    ['a', 4, 11],
    ['b', 5, 4],
  ] as const) {
    expect(rig.send(key, value, timestamp)).toEqual([])
  }
  const log = rig.logs.get('topic')!
  expect(log.records).toEqual([])
  await rig.commit()
  expect(sentBy(log)).toEqual(['a[0)1/2@3', 'b[0)1/5@4', 'b[5)2/4@14', 'a[5)1/4@11', 'b[10)2/4@14', 'a[10)1/4@11'])
  await rig.commit()
  expect(log.records.length).toBe(6)
})

test('null keys are dropped, and what was not committed is not sent', async () => {
  const rig = combineRig()
  rig.send(null, 1, 1)
  rig.send('a', 1, 1)
  await rig.rollback()
  await rig.commit()
  expect(rig.logs.get('topic')!.records).toEqual([])
  expect(rig.drops).toEqual({ 'topic null-key': 1 })
})

test('merged behind the topic they are what the records alone would give', async () => {
  const step: WindowedStep = { kind: 'windowed', store: 'w', key: text, window, spec, emit: 'final', merges: true }
  const behind = (merges: boolean): OperatorRig =>
    new OperatorRig({
      stores: ['*w'],
      build: (context, out) => [new WindowedAggregate({ ...step, merges }, context, out)],
    })
  const random = seeded(5)
  const [front, merged, plain] = [combineRig(), behind(true), behind(false)]
  const expected: Emitted[] = []
  for (let i = 0; i < 400; i++) {
    const [key, value, timestamp] = [
      `k${Math.floor(random() * 4)}`,
      Math.floor(random() * 9),
      Math.floor(random() * 90),
    ]
    front.send(key, value, timestamp)
    expected.push(...plain.send(key, value, timestamp))
    if (random() < 0.1) await front.commit()
  }
  await front.commit()
  const sent: Emitted[] = []
  for (const { key, value, timestamp } of front.logs.get('topic')!.records) {
    sent.push(...merged.send(text.read(key, 0, key.length), partial.read(value!, 0, value!.length), timestamp))
  }
  expected.push(...plain.end())
  sent.push(...merged.end())
  expect(sent.length).toBeGreaterThan(50)
  expect(sent).toEqual(expected)
  expect(front.logs.get('topic')!.records.length).toBeLessThan(700)
})

test('keys of any serde', async () => {
  const rig = new OperatorRig({
    stores: ['topic'],
    key: int64,
    build: context => [
      new Combine({ repartition: 'topic', key: int64, window, spec, idleMs: 0, markerEveryMs: 1000 }, context, {
        index: 0,
        count: 1,
      }),
    ],
  })
  rig.send(7, 1, 1)
  rig.send(7, 1, 1)
  await rig.commit()
  const [record] = rig.logs.get('topic')!.records
  expect(int64.read(record!.key, 0, record!.key.length)).toBe(7)
})
