import type { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import { EventBook } from './event-book.ts'

interface Event {
  readonly time: number
  readonly name: string
}

const contents = (book: EventBook, row: number): Event[] => {
  book.at(row)
  return Array.from({ length: book.length }, (_, i) => ({ time: book.time(i), name: book.event(i) as string }))
}

function filled(events: readonly Event[], book = new EventBook(text), row = 0): EventBook {
  book.open(row)
  for (const { time, name } of events) book.insert(time, name)
  return book
}

const anyEvents = fc.array(fc.record({ time: fc.nat(20), name: fc.string({ unit: 'grapheme', maxLength: 30 }) }))

/** In the order of (time, arrival). */
const ordered = (events: readonly Event[]): Event[] => events.toSorted((a, b) => a.time - b.time)

/** Chunks of at most `most` events, as they are written. */
function chunksOf(events: readonly Event[], most: number): Buffer[] {
  const book = filled([])
  const chunks: Buffer[] = []
  for (const { time, name } of events) {
    if (book.openCount === most) {
      chunks.push(book.openChunk())
      book.rollOver()
    }
    book.insert(time, name)
  }
  return [...chunks, book.openChunk()]
}

function loaded(chunks: readonly Buffer[], since = -Infinity): EventBook {
  const book = filled([])
  for (const chunk of chunks) book.load(chunk, since)
  return book
}

test('events in any order of arrival are kept by (time, arrival), and come back from chunks so', () => {
  fc.assert(
    fc.property(anyEvents, fc.integer({ min: 1, max: 5 }), (events, most) => {
      expect(contents(filled(events), 0)).toEqual(ordered(events))
      expect(contents(loaded(chunksOf(events, most)), 0)).toEqual(ordered(events))
    }),
  )
})

test('an event is given its place; the newest one is the object that was added', () => {
  const book = filled([])
  const event = 'a'
  expect(book.insert(5, event)).toBe(0)
  expect(book.insert(7, 'b')).toBe(1)
  expect(book.insert(5, 'c')).toBe(1)
  expect([0, 1, 2].map(index => book.event(index))).toEqual(['a', 'c', 'b'])
})

test('what is too old is not loaded, and the last chunk goes on where it ended', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(20), fc.integer({ min: 1, max: 5 }), (events, since, most) => {
      const chunks = chunksOf(events, most)
      const book = loaded(chunks, since)
      expect(contents(book, 0)).toEqual(ordered(events).filter(({ time }) => time >= since))
      book.insert(99, 'after')
      const again = loaded([...chunks.slice(0, -1), book.openChunk()], since)
      expect(contents(again, 0)).toEqual(contents(book, 0))
    }),
  )
})

test('the oldest can be dropped; the next event begins a chunk', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(10), (events, count) => {
      const book = filled(events)
      const dropped = Math.min(count, events.length)
      book.drop(dropped)
      expect(contents(book, 0)).toEqual(ordered(events).slice(dropped))
      book.insert(99, 'after')
      expect(contents(book, 0)).toEqual([...ordered(events).slice(dropped), { time: 99, name: 'after' }])
      expect(contents(loaded([book.openChunk()]), 0)).toEqual([{ time: 99, name: 'after' }])
    }),
  )
})

test('rows do not disturb each other, whether they grow, go or are read ahead', () => {
  const anySteps = fc.array(
    fc.record({ row: fc.nat(5), time: fc.nat(20), name: fc.string({ maxLength: 200 }), dice: fc.nat(20) }),
    { maxLength: 100 },
  )
  fc.assert(
    fc.property(anySteps, steps => {
      const book = new EventBook(text)
      const model = new Map<number, Event[]>()
      for (const { row, time, name, dice } of steps) {
        if (!model.has(row)) {
          book.open(row)
          model.set(row, [])
        }
        const events = model.get(row)!
        book.at(row)
        if (dice === 0) {
          book.free(row)
          model.delete(row)
        } else {
          book.insert(time, name)
          events.push({ time, name })
          if (dice === 1) book.tidy()
          if (dice % 3 === 0) book.expect(dice % (events.length + 1))
        }
        for (const [other, all] of model) {
          if (other !== row) expect(contents(book, other)).toEqual(ordered(all))
          else expect(Array.from(all, (_, i) => book.event(i))).toEqual(ordered(all).map(event => event.name))
          book.at(row)
        }
      }
    }),
  )
})
