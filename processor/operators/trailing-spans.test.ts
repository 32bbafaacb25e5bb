import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { over, prior } from '../../topology/aggregates.ts'
import { count } from '../../topology/counting.ts'
import { list } from '../../topology/picking.ts'
import { max } from '../../topology/statistics.ts'
import { EventBook } from './event-book.ts'
import { TrailingSpans } from './trailing-spans.ts'

const id = (value: number): number => value

/** Windows of a few events, and of many, with and without an inverse. */
const spans = {
  short: over(2, list<number>()),
  n: over(60, count<number>()),
  before: prior(50, list<number>()),
  highest: over(70, max(id)),
}

test('long windows keep their fold and short ones do not: the same results, late events among them', () => {
  const book = new EventBook(int64)
  const trailing = new TrailingSpans(spans)
  const arrived: { row: number; time: number; value: number }[] = []
  for (let i = 0; i < 900; i++) {
    const row = i % 3
    if (!arrived.some(event => event.row === row)) book.open(row)
    book.at(row)
    // Row 0 is dense, row 2 sparse; every 97th event is late.
    const time = Math.floor(i / 3) * (row * 15 + 1) - (i % 97 === 0 ? 7 : 0)
    const value = (i * 7919) % 101
    arrived.push({ row, time, value })
    const results: Record<string, unknown> = {}
    trailing.at(book, row, book.insert(time, value), results)
    const within = (spanMs: number): number[] =>
      arrived
        .filter(event => event.row === row && event.time >= time - spanMs && event.time <= time)
        .toSorted((a, b) => a.time - b.time)
        .map(event => event.value)
    expect(results).toEqual({
      short: within(2),
      n: within(60).length,
      before: within(50).slice(0, -1),
      highest: Math.max(...within(70)),
    })
    if (i === 600) {
      // Row 0 keeps folds; rows with few events in their windows do not.
      expect(trailing.bytes).toBeGreaterThan(0)
      trailing.forget(0)
      expect(trailing.bytes).toBe(0)
    }
  }
})

test('the events of a key are read once for all spans', () => {
  let reads = 0
  const counting = {
    ...text,
    read(bytes: Parameters<typeof text.read>[0], start: number, end: number) {
      reads++
      return text.read(bytes, start, end)
    },
  }
  const book = new EventBook(counting)
  const trailing = new TrailingSpans({ a: over(100, list<string>()), b: prior(100, list<string>()) })
  book.open(0)
  for (let i = 0; i < 10; i++) {
    book.at(0)
    const before = reads
    trailing.at(book, 0, book.insert(i, `event ${i}`), {})
    expect(reads - before).toBe(i)
  }
})
