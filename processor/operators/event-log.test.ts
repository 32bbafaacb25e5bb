import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import { EventLog } from './event-log.ts'
import { upperBound } from './span.ts'

interface Event {
  readonly time: number
  readonly name: string
}

const contents = (log: EventLog): Event[] => log.times.map((time, i) => ({ time, name: log.event(i) as string }))

function filled(events: readonly Event[]): EventLog {
  const log = new EventLog(text)
  for (const { time, name } of events) log.insert(upperBound(log.times, time), time, name)
  return log
}

const anyEvents = fc.array(fc.record({ time: fc.nat(20), name: fc.string({ unit: 'grapheme', maxLength: 30 }) }))

/** In the order of (time, arrival). */
const ordered = (events: readonly Event[]): Event[] => events.toSorted((a, b) => a.time - b.time)

/** Chunks of at most `most` events, as they are written. */
function chunksOf(events: readonly Event[], most: number): Buffer[] {
  const log = new EventLog(text)
  const chunks: Buffer[] = []
  for (const { time, name } of events) {
    if (log.openCount === most) {
      chunks.push(Buffer.from(log.openChunk()))
      log.rollOver()
    }
    log.insert(upperBound(log.times, time), time, name)
  }
  return [...chunks, Buffer.from(log.openChunk())]
}

function loaded(chunks: readonly Buffer[], since = -Infinity): EventLog {
  const log = new EventLog(text)
  for (const chunk of chunks) log.load(chunk, since)
  log.sort()
  return log
}

test('events in any order of arrival are kept by (time, arrival), and come back from chunks so', () => {
  fc.assert(
    fc.property(anyEvents, fc.integer({ min: 1, max: 5 }), (events, most) => {
      expect(contents(filled(events))).toEqual(ordered(events))
      expect(contents(loaded(chunksOf(events, most)))).toEqual(ordered(events))
    }),
  )
})

test('what is too old is not loaded, and the last chunk goes on where it ended', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(20), fc.integer({ min: 1, max: 5 }), (events, since, most) => {
      const chunks = chunksOf(events, most)
      const log = loaded(chunks, since)
      expect(contents(log)).toEqual(ordered(events).filter(({ time }) => time >= since))
      log.insert(log.length, 99, 'after')
      const again = loaded([...chunks.slice(0, -1), Buffer.from(log.openChunk())], since)
      expect(contents(again)).toEqual(contents(log))
    }),
  )
})

test('the oldest can be dropped; the next event begins a chunk', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(10), (events, count) => {
      const log = filled(events)
      const dropped = Math.min(count, events.length)
      log.drop(dropped)
      expect(contents(log)).toEqual(ordered(events).slice(dropped))
      log.insert(log.length, 99, 'after')
      expect(contents(log)).toEqual([...ordered(events).slice(dropped), { time: 99, name: 'after' }])
      expect(contents(loaded([log.openChunk()]))).toEqual([{ time: 99, name: 'after' }])
    }),
  )
})
