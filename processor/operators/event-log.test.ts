import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { text } from '../../schemas/serdes.ts'
import { EventLog } from './event-log.ts'
import { lowerBound, upperBound } from './span.ts'

interface Event {
  readonly time: number
  readonly name: string
}

const contents = (log: EventLog): Event[] => log.times.map((time, i) => ({ time, name: log.event(i) as string }))

const written = (log: EventLog): Buffer => Buffer.from(log.chunk(0, log.length))

function filled(events: readonly Event[]): EventLog {
  const log = new EventLog(text)
  for (const { time, name } of events) log.insert(upperBound(log.times, time), time, name)
  return log
}

const anyEvents = fc.array(fc.record({ time: fc.nat(20), name: fc.string({ unit: 'grapheme', maxLength: 30 }) }))

/** In the order of (time, arrival). */
const ordered = (events: readonly Event[]): Event[] => events.toSorted((a, b) => a.time - b.time)

test('events in any order of arrival are kept by (time, arrival), and come back from a chunk so', () => {
  fc.assert(
    fc.property(anyEvents, events => {
      const log = filled(events)
      expect(contents(log)).toEqual(ordered(events))
      const back = new EventLog(text)
      back.load(written(log), -Infinity)
      back.sort()
      expect(contents(back)).toEqual(ordered(events))
    }),
  )
})

test('a chunk holds its range, one event after the other or not; what is too old is not loaded', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(20), fc.nat(20), (events, one, other) => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)]
      const log = filled(events)
      const back = new EventLog(text)
      back.load(Buffer.from(log.chunk(lowerBound(log.times, from), lowerBound(log.times, to))), from + 1)
      expect(contents(back)).toEqual(ordered(events).filter(({ time }) => time > from && time < to))
    }),
  )
})

test('chunks loaded one after the other are sorted together; the oldest can be dropped', () => {
  fc.assert(
    fc.property(anyEvents, anyEvents, fc.nat(10), (first, second, count) => {
      const log = new EventLog(text)
      log.load(written(filled(first)), -Infinity)
      log.load(written(filled(second)), -Infinity)
      log.sort()
      const all = ordered([...ordered(first), ...ordered(second)])
      expect(contents(log)).toEqual(all)
      const dropped = Math.min(count, all.length)
      log.drop(dropped)
      expect(contents(log)).toEqual(all.slice(dropped))
      log.insert(log.length, 99, 'after')
      expect(contents(log)).toEqual([...all.slice(dropped), { time: 99, name: 'after' }])
    }),
  )
})
