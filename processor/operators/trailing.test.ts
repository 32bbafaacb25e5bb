import { expect, test } from 'vitest'
import { int64 } from '../../schemas/serdes.ts'
import { over, prior } from '../../topology/aggregates.ts'
import type { TrailingStep } from '../../topology/compiled.ts'
import { count, sum } from '../../topology/counting.ts'
import { distinctCount } from '../../topology/members.ts'
import { latest, list } from '../../topology/picking.ts'
import { max } from '../../topology/statistics.ts'
import { top } from '../../topology/top.ts'
import { text } from '../../schemas/serdes.ts'
import { kinds } from '../state/kinds.ts'
import { OperatorRig, seeded } from './testing.ts'
import { Trailing } from './trailing.ts'

const id = (value: number): number => value

/** Spans with and without an inverse, of this event and of those before it, long and short. */
const spans = {
  n: over(20, count<number>()),
  nBefore: prior(20, count<number>()),
  total: over(7, sum(id)),
  highest: over(20, max(id)),
  highestBefore: prior(9, max(id)),
  items: over(13, list<number>()),
  newest: over(20, list<number>(undefined, { limit: 3 })),
  last: prior(20, latest(id)),
  different: over(
    16,
    distinctCount((value: number) => value % 3, int64),
  ),
  favourites: over(20, top(2, { by: (value: number) => `${value % 4}` })),
}
const longestMs = 20

const step = (graceMs: number, own: TrailingStep['spans'] = spans): TrailingStep => ({
  kind: 'trailing',
  store: 'history',
  key: text,
  graceMs,
  remember: value => value,
  event: int64,
  spans: own,
})

const rigFor = (own: TrailingStep, upstreams?: number): OperatorRig =>
  new OperatorRig({
    stores: ['*history'],
    build: (context, out) => [new Trailing(own, context, out)],
    ...(upstreams !== undefined && { upstreams }),
  })

interface Event {
  readonly key: string
  readonly time: number
  readonly value: number
}

/** All events in the order of arrival, and the rule of SEMANTICS 3.5 word for word. */
class Oracle {
  readonly graceMs: number
  events: Event[] = []
  streamTime = -1
  late = 0
  lateWindows = 0
  #committed = { events: 0, streamTime: -1 }

  constructor(graceMs: number) {
    this.graceMs = graceMs
  }

  take(event: Event): object | null {
    this.streamTime = Math.max(this.streamTime, event.time)
    if (event.time + longestMs < this.streamTime - this.graceMs) {
      this.late++
      this.lateWindows++
      return null
    }
    this.events.push(event)
    if (event.time < this.streamTime - this.graceMs) {
      this.lateWindows++
      return null
    }
    return this.results(event)
  }

  results(event: Event): object {
    const within = (spanMs: number): number[] =>
      this.events
        .filter(({ key, time }) => key === event.key && time >= event.time - spanMs && time <= event.time)
        .toSorted((a, b) => a.time - b.time)
        .map(({ value }) => value)
    const before = (spanMs: number): number[] => within(spanMs).slice(0, -1)
    const highest = (values: readonly number[]): number | undefined =>
      values.length === 0 ? undefined : Math.max(...values)
    return {
      event: event.value,
      n: within(20).length,
      nBefore: before(20).length,
      total: within(7).reduce((all, value) => all + value, 0),
      highest: highest(within(20)),
      highestBefore: highest(before(9)),
      items: within(13),
      newest: within(20).slice(-3),
      last: before(20).at(-1),
      different: new Set(within(16).map(value => value % 3)).size,
      favourites: favourites(within(20)),
    }
  }

  commit(): void {
    this.#committed = { events: this.events.length, streamTime: this.streamTime }
  }

  rollback(): void {
    this.events.length = this.#committed.events
    this.streamTime = this.#committed.streamTime
  }
}

/** The two most frequent, ties by the order of their bytes. */
function favourites(values: readonly number[]): object[] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(`${value % 4}`, (counts.get(`${value % 4}`) ?? 0) + 1)
  return [...counts]
    .toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, 2)
    .map(([member, times], index) => ({ rank: index + 1, member, value: times, count: times }))
}

async function disturb(rig: OperatorRig, oracle: Oracle, dice: number): Promise<void> {
  if (dice < 0.06) {
    await rig.commit({ flush: dice < 0.03 })
    oracle.commit()
  } else if (dice < 0.09) rig.evict(dice < 0.075 ? 0 : 3000)
  else if (dice < 0.1) {
    await rig.rollback()
    oracle.rollback()
  } else if (dice < 0.11) {
    await rig.restart(dice < 0.105 ? 'disk' : 'changelog')
    oracle.rollback()
  }
}

test.each([0, 5, 30])('random events, grace %i: the results of a search through all events', async graceMs => {
  for (let seed = 0; seed < 12; seed++) {
    const random = seeded(seed * 100 + graceMs)
    const rig = rigFor(step(graceMs))
    const oracle = new Oracle(graceMs)
    let now = 0
    for (let i = 0; i < 300; i++) {
      await disturb(rig, oracle, random())
      now += Math.floor(random() * 5)
      // In order, tied, a little late, within reach of windows still open, and lost.
      const lag = [0, 0, 0, 1, 4, graceMs, graceMs + longestMs, graceMs + longestMs + 1][Math.floor(random() * 8)]!
      const event = {
        key: 'abc'[Math.floor(random() * 3)]!,
        time: Math.max(0, now - lag),
        value: Math.floor(random() * 50),
      }
      const sent = rig.send(event.key, event.value, event.time)
      const expected = oracle.take(event)
      if (expected === null) expect(sent).toEqual([])
      else {
        expect(sent.length).toBe(1)
        expect({ seed, i, key: sent[0]!.key, time: sent[0]!.timestamp, ...(sent[0]!.value as object) }).toEqual({
          seed,
          i,
          key: event.key,
          time: event.time,
          ...expected,
        })
      }
    }
  }
})

test('as a table: who is late, who is kept without a result, who counts again', () => {
  const rig = rigFor(step(5, { n: over(10, count<number>()) }))
  const n = (time: number): unknown => rig.send('k', 1, time).map(({ value }) => value.n as number)
  // stream time 100, grace 5: results from 95 on, kept from 85 on.
  expect(n(100)).toEqual([1])
  expect(n(95)).toEqual([1])
  expect(n(94)).toEqual([])
  expect(n(85)).toEqual([])
  expect(n(84)).toEqual([])
  expect(rig.drops).toEqual({ 'history late': 1, 'history late-windows': 3 })
  // [85, 95]: 95, 94, 85 and itself; the tie at 95 that came before is in it.
  expect(n(95)).toEqual([4])
  expect(n(100)).toEqual([5])
  expect(rig.send(null, 1, 101)).toEqual([])
  expect(rig.send('k', null, 200)).toEqual([])
  // Neither moved the time: 95 is in time still.
  expect(n(95)).toEqual([5])
  expect(rig.drops).toMatchObject({ 'history null-key': 1, 'history null-value': 1 })
})

test('what is remembered may be less than what is sent on', async () => {
  const rig = rigFor({
    ...step(0, {
      total: over(
        10,
        sum((n: number) => n),
      ),
    }),
    remember: (value: { n: number }) => value.n,
  })
  expect(rig.send('k', { n: 3, note: 'x' }, 1)[0]!.value).toEqual({ event: { n: 3, note: 'x' }, total: 3 })
  await rig.commit()
  await rig.restart('changelog')
  expect(rig.send('k', { n: 4 }, 2)[0]!.value).toEqual({ event: { n: 4 }, total: 7 })
})

test('one changelog record for each key that changed, beside those of directory and root', async () => {
  const rig = rigFor(step(0))
  rig.send('a', 1, 100)
  await rig.commit()
  rig.send('a', 2, 100)
  // The chunk; header, directory and root stay as they are.
  expect(await rig.commit()).toBe(1)
  rig.send('a', 2, 101)
  expect(await rig.commit()).toBe(2)
  expect(await rig.commit()).toBe(0)
})

test('when stream time has passed, nothing is left of old events: a bounded number goes with each commit', async () => {
  const rig = rigFor(step(5))
  for (let i = 0; i < 5000; i++) rig.send(`key-${i}`, i, 10 + (i % 20))
  await rig.commit({ flush: true })
  rig.evict(0)
  expect(rig.rowsByKind('history')[kinds.entry]).toBe(5000)
  rig.send('other', 1, 100_000)
  const before = rig.logs.get('history')!.records.length
  await rig.commit({ flush: true })
  const tombstones = rig.logs
    .get('history')!
    .records.slice(before)
    .filter(({ key, value }) => key[0] === kinds.entry && value === null)
  expect(tombstones.length).toBeGreaterThanOrEqual(2000)
  expect(tombstones.length).toBeLessThan(2500)
  await rig.restart('disk')
  for (let i = 0; i < 3; i++) await rig.commit({ flush: true })
  expect(rig.rowsByKind('history')).toEqual({
    [kinds.root]: 1,
    [kinds.directory]: 1,
    [kinds.entry]: 1,
    [kinds.header]: 1,
  })
  rig.evict(0)
  expect(rig.state.cacheBytes).toBe(0)
})

test('histories in memory count to the budget, and an evicted one is read back', async () => {
  const rig = rigFor(step(5))
  for (let i = 0; i < 500; i++) for (const time of [1, 2, 3]) rig.send(`key-${i}`, time, time)
  await rig.commit({ flush: true })
  const held = rig.state.cacheBytes
  expect(held).toBeGreaterThan(500 * (160 + 128))
  rig.evict(held / 4)
  expect(rig.state.cacheBytes).toBeLessThanOrEqual(held / 4 + 1000)
  const { reads } = rig.state.cacheStatistics
  for (let i = 0; i < 500; i++)
    expect(rig.send(`key-${i}`, 9, 4)[0]!.value).toMatchObject({ n: 4, items: [1, 2, 3, 9] })
  expect(rig.state.cacheStatistics.reads).toBeGreaterThan(reads + 300)
})

test('behind a repartition topic time is the stamps: a fast upstream makes nobody late', () => {
  const rig = rigFor(step(0, { n: over(10, count<number>()) }), 2)
  rig.stamp(0, 1000)
  expect(rig.send('k', 1, 1000).length).toBe(1)
  rig.stamp(1, 10)
  expect(rig.send('k', 1, 10)[0]!.value).toMatchObject({ n: 1 })
  rig.stamp(1, 900)
  expect(rig.send('k', 1, 890)).toEqual([])
  expect(rig.send('k', 1, 889)).toEqual([])
  expect(rig.drops).toEqual({ 'history late': 1, 'history late-windows': 2 })
})
